# SPDX-License-Identifier: Apache-2.0
"""Run ONNX models in ONNX Runtime's CPU provider, as it fuses them."""

import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import exchange
import onnxruntime

FUSE_SIGNED = "session.qdqisint8allowed"
"""Signed activations are fused too, which x86 leaves out by itself."""
PRECISE = "session.x64quantprecision"
"""Without VNNI, sums of two products saturate unless this is set; signed ones don't load then."""


def has_vnni():
    """Whether the processor multiplies bytes into 32-bit sums."""
    path = Path("/proc/cpuinfo")
    flags = path.read_text() if path.exists() else ""
    return "avx512_vnni" in flags or "avx_vnni" in flags


def run_job(peer, job, arrays, prefix, runs):
    """Outputs, tensors, and whether a delegate ran."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.add_session_config_entry(FUSE_SIGNED, "1")
    if platform.machine() in ("x86_64", "AMD64") and not has_vnni():
        options.add_session_config_entry(PRECISE, "1")
    content = arrays[f"{prefix}.content"].tobytes()
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    inputs = [given.name for given in session.get_inputs()]
    names = [result.name for result in session.get_outputs()]
    outputs, tensors = exchange.Tensors(), exchange.Tensors()
    for feeds in runs:
        found = session.run(names, dict(zip(inputs, feeds, strict=True)))
        outputs.add([(name, -1, array) for name, array in zip(names, found, strict=True)])
    return outputs, tensors, False


if __name__ == "__main__":
    exchange.serve(f"onnxruntime {onnxruntime.__version__}", run_job)

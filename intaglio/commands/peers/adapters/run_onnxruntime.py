# SPDX-License-Identifier: Apache-2.0
"""Run ONNX models in ONNX Runtime's CPU provider, as it fuses them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import exchange
import onnxruntime

ENTRIES = {
    # Signed activations are fused too, which x86 leaves out by itself.
    "session.qdqisint8allowed": "1",
    # Without VNNI, sums of two products saturate unless this is set; with VNNI it changes nothing.
    "session.x64quantprecision": "1",
}


def run_job(peer, job, arrays, prefix, runs):
    """Outputs, tensors, and whether a delegate ran."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    for name, value in ENTRIES.items():
        options.add_session_config_entry(name, value)
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

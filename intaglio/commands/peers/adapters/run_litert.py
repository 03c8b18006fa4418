# SPDX-License-Identifier: Apache-2.0
"""Run models in LiteRT or TFLite Micro."""

import sys
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import exchange
import tflite_models

RESOLVERS = {
    "litert": "AUTO",
    "litert-opt": "BUILTIN_WITHOUT_DEFAULT_DELEGATES",
    "litert-ref": "BUILTIN_REF",
    "litert-ref-1.2": "BUILTIN_REF",
}
LEAST_ARENA, MOST_ARENA = 8 << 20, 1 << 30
ARENA_FOR_A_BYTE = 64
"""Bytes of arena for each byte of the model: generous, and not touched where they aren't needed."""


def run_litert(peer, content, every_tensor, runs):
    """Outputs, tensors, and whether a delegate ran."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=getattr(OpResolverType, RESOLVERS[peer]),
        experimental_preserve_all_tensors=every_tensor,
        num_threads=1,
    )
    interpreter.allocate_tensors()
    inputs, results = interpreter.get_input_details(), interpreter.get_output_details()
    outputs, tensors = exchange.Tensors(), exchange.Tensors()
    traced = tflite_models.results_of(content) if every_tensor else []
    for arrays in runs:
        interpreter.reset_all_variables()
        for details, array in zip(inputs, arrays, strict=True):
            interpreter.set_tensor(details["index"], array)
        interpreter.invoke()
        outputs.add([(d["name"], d["index"], interpreter.get_tensor(d["index"])) for d in results])
        tensors.add([(name, index, interpreter.get_tensor(index)) for index, name in traced])
    names = {operator["op_name"] for operator in interpreter._get_ops_details()}
    return outputs, tensors, "DELEGATE" in names


def run_tflm(content, every_tensor, runs):
    """Outputs, tensors, and whether a delegate ran."""
    from tflite_micro import runtime

    keep = runtime.InterpreterConfig.kPreserveAllTensors
    arena = min(max(LEAST_ARENA, ARENA_FOR_A_BYTE * len(content)), MOST_ARENA)
    outputs, tensors = exchange.Tensors(), exchange.Tensors()
    traced = tflite_models.results_of(content) if every_tensor else []
    results = [int(index) for index in tflite_models.parse(content).subgraphs[0].outputs]
    options = {"intrepreter_config": keep} if every_tensor else {}
    for arrays in runs:
        # A new one each time: variables start from zero.
        interpreter = runtime.Interpreter.from_bytes(content, arena_size=arena, **options)
        for at, array in enumerate(arrays):
            interpreter.set_input(array, at)
        interpreter.invoke()
        outputs.add(
            [
                (tflite_models.name_of(content, index), index, interpreter.get_output(at))
                for at, index in enumerate(results)
            ]
        )
        tensors.add(
            [
                (name, index, interpreter.GetTensor(index, 0)["tensor_data"])
                for index, name in traced
            ]
        )
    return outputs, tensors, False


def run_job(peer, job, arrays, prefix, runs):
    """Outputs, tensors, and whether a delegate ran."""
    content = tflite_models.content_of(job["model"], arrays, prefix)
    if peer == "tflm":
        return run_tflm(content, job["every_tensor"], runs)
    return run_litert(peer, content, job["every_tensor"], runs)


if __name__ == "__main__":
    program = "tflite-micro" if sys.argv[1] == "tflm" else "ai-edge-litert"
    exchange.serve(f"{program} {version(program)}", run_job)

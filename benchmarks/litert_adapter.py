# SPDX-License-Identifier: Apache-2.0
"""A model in LiteRT, timed on request; run by the Python of LiteRT's environment.

``litert_adapter.py MODEL INPUT``: the model is a .tflite file, or an npz of operators and constants
as ``benchmarks/tflite_network.py`` writes it; the input is an npy.  The first line of the answer
says what runs.  Each further line on stdin is a request: a number is that many invocations,
answered by the mean of the thread's seconds; else it is a path, where the output is written.
"""

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int8": schema.TensorType.INT8,
    "int32": schema.TensorType.INT32,
}


def main(model, image):
    """Answer requests until stdin ends."""
    content = packed(model) if model.endswith(".npz") else Path(model).read_bytes()
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    (given,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(given["index"], np.load(image))
    interpreter.invoke()
    names = [operator["op_name"] for operator in interpreter._get_ops_details()]
    answer(program=f"LiteRT {version('ai-edge-litert')}", delegated="DELEGATE" in names)
    for line in sys.stdin:
        request = line.strip()
        if not request.isdigit():
            np.save(request, interpreter.get_tensor(result["index"]))
            answer(written=request)
            continue
        began = time.thread_time()
        for _ in range(int(request)):
            interpreter.invoke()
        answer(seconds=(time.thread_time() - began) / int(request))


def answer(**words):
    """One line."""
    print(json.dumps(words), flush=True)


def packed(path):
    """The bytes of the model that an npz describes."""
    with np.load(path) as file:
        arrays = dict(file)
    network = json.loads(str(arrays["network"]))
    model = schema.ModelT()
    model.version, model.description = 3, b"benchmark"
    model.buffers = [schema.BufferT()]
    graph = schema.SubGraphT()
    graph.name, graph.inputs, graph.outputs = b"main", network["inputs"], network["outputs"]
    graph.tensors = [
        tensor(described, arrays.get(f"constant.{number}"), model.buffers)
        for number, described in enumerate(network["tensors"])
    ]
    kinds = list(dict.fromkeys(described["kind"] for described in network["operators"]))
    model.operatorCodes = [operator_code(kind) for kind in kinds]
    graph.operators = [operator(each, kinds) for each in network["operators"]]
    model.subgraphs = [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def tensor(described, constant, buffers):
    """A tensor; a constant adds its buffer."""
    made = schema.TensorT()
    made.name, made.shape = described["name"].encode(), described["shape"]
    made.type = TYPES[described["dtype"]]
    if constant is not None:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(constant.tobytes(), np.uint8)
        made.buffer = len(buffers)
        buffers.append(buffer)
    if described["scales"]:
        quantization = schema.QuantizationParametersT()
        quantization.scale = described["scales"]
        quantization.zeroPoint = described["zero_points"]
        quantization.quantizedDimension = described["axis"]
        made.quantization = quantization
    return made


def operator_code(kind):
    """The entry of the table of kinds."""
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, kind)
    code.deprecatedBuiltinCode, code.version = min(127, code.builtinCode), 1
    return code


def operator(described, kinds):
    """An operator and its options."""
    made = schema.OperatorT()
    made.opcodeIndex = kinds.index(described["kind"])
    made.inputs, made.outputs = described["operands"], [described["result"]]
    if described["options_type"]:
        made.builtinOptionsType = getattr(schema.BuiltinOptions, described["options_type"])
        made.builtinOptions = getattr(schema, f"{described['options_type']}T")()
        for field, value in described["options"].items():
            assert hasattr(made.builtinOptions, field), field
            setattr(made.builtinOptions, field, value)
    return made


if __name__ == "__main__":
    main(*sys.argv[1:])

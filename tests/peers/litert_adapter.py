# SPDX-License-Identifier: Apache-2.0
"""Run single-op models in LiteRT or TFLite Micro; started by the python of ``.venv-peers``.

``litert_adapter.py RUNTIME REQUEST ANSWER``: the request is an npz whose ``models`` is a JSON list
of operators and whose other arrays are their constants and inputs; the answer is an npz with each
result, and a JSON object that says what ran them.  Nothing of the project is imported.
"""

import json
import sys
from importlib.metadata import version

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

RESOLVERS = {"reference": "BUILTIN_REF", "default": "AUTO"}
TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "uint8": schema.TensorType.UINT8,
    "int64": schema.TensorType.INT64,
    "int16": schema.TensorType.INT16,
    "int8": schema.TensorType.INT8,
}
ARENA_BYTES = 8 << 20


class Writer:
    """A flatbuffer with one operator."""

    def __init__(self):
        self.buffers = [schema.BufferT()]
        self.tensors = []

    def tensor(self, described, data=None):
        tensor = schema.TensorT()
        tensor.name = f"t{len(self.tensors)}".encode()
        tensor.shape = described["shape"]
        tensor.type = TYPES[described["dtype"]]
        if data is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(np.ascontiguousarray(data).tobytes(), np.uint8)
            tensor.buffer = len(self.buffers)
            self.buffers.append(buffer)
        if described["scales"]:
            quantization = schema.QuantizationParametersT()
            quantization.scale = described["scales"]
            quantization.zeroPoint = described["zero_points"]
            quantization.quantizedDimension = described["axis"]
            tensor.quantization = quantization
        self.tensors.append(tensor)
        return len(self.tensors) - 1


def flatbuffer(described, arrays, prefix):
    """The model's bytes."""
    writer = Writer()
    operands = [
        writer.tensor(operand, arrays.get(f"{prefix}.constant.{index}"))
        for index, operand in enumerate(described["operands"])
    ]
    inputs = [
        operand
        for index, operand in enumerate(operands)
        if f"{prefix}.constant.{index}" not in arrays
    ]
    result = writer.tensor(described["result"])
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, described["op"])
    code.deprecatedBuiltinCode = min(127, code.builtinCode)
    code.version = 1
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = operands, [result]
    if described["options_type"]:
        options = getattr(schema, f"{described['options_type']}T")()
        for field, value in described["options"].items():
            assert hasattr(options, field), field
            setattr(options, field, value)
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, described["options_type"])
        operator.builtinOptions = options
    graph = schema.SubGraphT()
    graph.name, graph.tensors, graph.operators = b"main", writer.tensors, [operator]
    graph.inputs, graph.outputs = inputs, [result]
    model = schema.ModelT()
    model.version, model.description = 3, b"one operator"
    model.operatorCodes, model.buffers, model.subgraphs = [code], writer.buffers, [graph]
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def run_litert(runtime, content, inputs):
    """The result, and whether the delegate ran the operator."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=getattr(OpResolverType, RESOLVERS[runtime]),
        num_threads=1,
    )
    interpreter.allocate_tensors()
    for details, array in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(details["index"], array)
    interpreter.invoke()
    (details,) = interpreter.get_output_details()
    names = {operator["op_name"] for operator in interpreter._get_ops_details()}
    return interpreter.get_tensor(details["index"]).copy(), "DELEGATE" in names


def run_tflm(content, inputs):
    """The result."""
    from tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(content, arena_size=ARENA_BYTES)
    for index, array in enumerate(inputs):
        interpreter.set_input(array, index)
    interpreter.invoke()
    return np.array(interpreter.get_output(0)), False


def main(runtime, request, answer):
    """Run every model of the request; its label on stderr is the last before an abort."""
    with np.load(request) as file:
        arrays = dict(file)
    program = "tflite-micro" if runtime == "tflm" else "ai-edge-litert"
    results, delegated = {}, []
    for index, described in enumerate(json.loads(str(arrays["models"]))):
        print(f"model {described['label']}", file=sys.stderr, flush=True)
        content = flatbuffer(described, arrays, str(index))
        inputs = [
            arrays[f"{index}.input.{at}"]
            for at in range(len(described["operands"]))
            if f"{index}.input.{at}" in arrays
        ]
        run = run_tflm if runtime == "tflm" else lambda *given: run_litert(runtime, *given)
        results[str(index)], used = run(content, inputs)
        delegated.append(used)
    about = json.dumps({"program": f"{program} {version(program)}", "delegated": delegated})
    np.savez(answer, about=np.array(about), **results)


if __name__ == "__main__":
    main(*sys.argv[1:])

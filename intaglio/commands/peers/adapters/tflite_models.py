# SPDX-License-Identifier: Apache-2.0
"""Models of the .tflite format with one operator: described, or cut out of a larger model."""

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "uint8": schema.TensorType.UINT8,
    "int64": schema.TensorType.INT64,
    "int16": schema.TensorType.INT16,
    "int8": schema.TensorType.INT8,
    "bool": schema.TensorType.BOOL,
}


def content_of(described, arrays, prefix):
    """The bytes of the model that a job describes."""
    if described["kind"] == "described":
        return described_model(described, arrays, prefix)
    content = arrays[f"{prefix}.content"].tobytes()
    return cut(content, described["operator"]) if described["kind"] == "operator" else content


def parse(content):
    """The model as an object."""
    return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content))


def pack(model):
    """The model's bytes."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def results_of(content):
    """(index, name) of every result of every operator of the first subgraph, each once."""
    graph = parse(content).subgraphs[0]
    indices = dict.fromkeys(
        int(index) for operator in graph.operators for index in operator.outputs if index >= 0
    )
    return [(index, text(graph.tensors[index].name)) for index in indices]


def name_of(content, index):
    """A tensor's name."""
    return text(parse(content).subgraphs[0].tensors[index].name)


def text(name):
    """A name as the schema's package gives it: bytes, a string or nothing."""
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name or ""


def cut(content, number):
    """The model of one operator; operands that aren't constant become its inputs, each once."""
    model = parse(content)
    graph = model.subgraphs[0]
    operator = graph.operators[number]
    code = model.operatorCodes[operator.opcodeIndex]
    kept, buffers = {}, [schema.BufferT()]
    for index in [*operator.inputs, *operator.outputs, *_intermediates(operator)]:
        if index < 0 or index in kept:
            continue
        tensor = graph.tensors[index]
        buffer = model.buffers[tensor.buffer]
        kept[int(index)] = len(kept)
        if buffer.data is not None and len(buffer.data):
            tensor.buffer = len(buffers)
            buffers.append(buffer)
        else:
            tensor.buffer = 0
        tensor.shapeSignature = None
    tensors = [graph.tensors[index] for index in kept]
    operator.inputs = [kept.get(int(index), -1) for index in operator.inputs]
    operator.outputs = [kept[int(index)] for index in operator.outputs]
    if _intermediates(operator):
        operator.intermediates = [kept[int(index)] for index in operator.intermediates]
    operator.opcodeIndex = 0
    inputs = dict.fromkeys(
        index
        for index in operator.inputs
        if index >= 0 and tensors[index].buffer == 0 and not tensors[index].isVariable
    )
    return pack(model_of([code], buffers, tensors, [operator], list(inputs), operator.outputs))


def _intermediates(operator):
    return [] if operator.intermediates is None else list(operator.intermediates)


def model_of(codes, buffers, tensors, operators, inputs, outputs):
    """A model of one subgraph."""
    graph = schema.SubGraphT()
    graph.name, graph.tensors, graph.operators = b"main", tensors, operators
    graph.inputs, graph.outputs = inputs, outputs
    model = schema.ModelT()
    model.version, model.description = 3, b"one operator"
    model.operatorCodes, model.buffers, model.subgraphs = codes, buffers, [graph]
    return model


class _Writer:
    """Tensors and their buffers."""

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


def described_model(described, arrays, prefix):
    """The bytes of a model with one operator."""
    writer = _Writer()
    operands, inputs = [], []
    for at, operand in enumerate(described["operands"]):
        data = arrays.get(f"{prefix}.constant.{at}")
        operands.append(writer.tensor(operand, data))
        if data is None:
            inputs.append(operands[-1])
    results = [writer.tensor(result) for result in described["results"]]
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, described["op"])
    code.deprecatedBuiltinCode = min(127, code.builtinCode)
    code.version = 1
    operator = schema.OperatorT()
    operator.inputs, operator.outputs = operands, results
    if described["options_type"]:
        options = getattr(schema, f"{described['options_type']}T")()
        for field, value in described["options"].items():
            assert hasattr(options, field), field
            setattr(options, field, value)
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, described["options_type"])
        operator.builtinOptions = options
    return pack(model_of([code], writer.buffers, writer.tensors, [operator], inputs, results))

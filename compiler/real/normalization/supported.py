# SPDX-License-Identifier: Apache-2.0
"""Which float models can become integer networks; every reason against one is named at once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import onnx_ir as ir

from intaglio.compiler.real.editing import constant, describe, float_attribute, input_at
from intaglio.compiler.real.linear import read_linear
from intaglio.errors import UnsupportedModel

Check = Callable[[ir.Node], str | None]


@dataclass(frozen=True, slots=True)
class _Rule:
    """What a supported op must satisfy.

    Attributes:
        stored: input indexes that must be constants where they are present.
        check: a further condition, as the words that say what is wrong, or None.
    """

    stored: tuple[int, ...] = ()
    check: Check | None = None


def _vector_bias(node: ir.Node) -> str | None:
    if constant(node.inputs[1]) is None or read_linear(node) is not None:
        return None
    bias = constant(input_at(node, 2))
    return None if bias is None else f"its bias has the shape {list(bias.shape)}, not a vector's"


def _gemm(node: ir.Node) -> str | None:
    if node.attributes.get_int("transA", 0):
        return "it transposes its input (transA)"
    weight, bias = constant(node.inputs[1]), constant(input_at(node, 2))
    if weight is None or bias is None:
        return None
    columns = weight.shape[0 if node.attributes.get_int("transB", 0) else 1]
    if bias.ndim <= 2 and bias.size in (1, columns) and bias.shape[:-1] in ((), (1,)):
        return None
    return f"its addend has the shape {list(bias.shape)}, not one row of {columns}"


def _resize(node: ir.Node) -> str | None:
    mode = node.attributes.get_string("mode", "nearest")
    return None if mode in ("nearest", "linear") else f"its mode is {mode}, not nearest or linear"


def _pad(node: ir.Node) -> str | None:
    mode = node.attributes.get_string("mode", "constant")
    return None if mode == "constant" else f"its mode is {mode}, not constant"


def _max_pool(node: ir.Node) -> str | None:
    return "it returns indices" if len(node.outputs) > 1 else None


def _leaky(node: ir.Node) -> str | None:
    slope = float_attribute(node, "alpha", 0.01)
    return None if slope >= 0 else f"its slope {slope} is negative"


_PLAIN = _Rule()

SUPPORTED: Mapping[str, _Rule] = {
    "Add": _PLAIN,
    "AveragePool": _PLAIN,
    "BatchNormalization": _Rule(stored=(1, 2, 3, 4)),
    "Clip": _Rule(stored=(1, 2)),
    "Concat": _PLAIN,
    "Conv": _Rule(stored=(1, 2), check=_vector_bias),
    "ConvTranspose": _Rule(stored=(1, 2), check=_vector_bias),
    "Flatten": _PLAIN,
    "Gelu": _PLAIN,
    "Gemm": _Rule(stored=(1, 2), check=_gemm),
    "GlobalAveragePool": _PLAIN,
    "HardSigmoid": _PLAIN,
    "HardSwish": _PLAIN,
    "Identity": _PLAIN,
    "LeakyRelu": _Rule(check=_leaky),
    "MatMul": _PLAIN,
    "Max": _PLAIN,
    "MaxPool": _Rule(check=_max_pool),
    "Min": _PLAIN,
    "Mul": _PLAIN,
    "PRelu": _Rule(stored=(1,)),
    "Pad": _Rule(stored=(1, 2, 3), check=_pad),
    "ReduceMean": _Rule(stored=(1,)),
    "Relu": _PLAIN,
    "Reshape": _Rule(stored=(1,)),
    "Resize": _Rule(stored=(1, 2, 3), check=_resize),
    "Sigmoid": _PLAIN,
    "Slice": _Rule(stored=(1, 2, 3, 4)),
    "Softmax": _PLAIN,
    "Split": _Rule(stored=(1,)),
    "Squeeze": _Rule(stored=(1,)),
    "Sub": _PLAIN,
    "Tanh": _PLAIN,
    "Transpose": _PLAIN,
    "Unsqueeze": _Rule(stored=(1,)),
}


def check_supported(model: ir.Model) -> ir.Model:
    """Return ``model`` itself if every node of it can be quantized.

    Constants must have been folded before. The check reads and changes nothing else.

    Raises:
        UnsupportedModel: with one line for each node, input or output that can't be taken.
    """
    problems = [*_border_problems(model.graph)]
    for node in model.graph:
        problem = _problem(node)
        if problem is not None:
            problems.append(f"{describe(node)}: {problem}")
    if problems:
        raise UnsupportedModel(
            model.graph.name or "the model",
            problems,
            "Replace these parts, or cut the model before them",
        )
    return model


def _border_problems(graph: ir.Graph) -> list[str]:
    problems: list[str] = []
    for kind, values in (("input", graph.inputs), ("output", graph.outputs)):
        for value in values:
            if value.dtype is not None and value.dtype != ir.DataType.FLOAT:
                problems.append(f"{kind} {value.name}: its type is {value.dtype}, not FLOAT")
            if kind == "output" and constant(value) is not None:
                problems.append(f"output {value.name}: it is a constant")
    return problems


def _problem(node: ir.Node) -> str | None:
    rule = SUPPORTED.get(node.op_type) if node.domain == "" else None
    if rule is None:
        return "there is no integer form of this operator"
    for index in rule.stored:
        value = input_at(node, index)
        if value is not None and constant(value) is None:
            return f"its input {value.name} is computed by the model; it must be a stored constant"
    problem = rule.check(node) if rule.check is not None else None
    if problem is not None:
        return problem
    for value in (*node.inputs[:1], *node.outputs):
        if value is not None and value.dtype is not None and value.dtype != ir.DataType.FLOAT:
            return f"value {value.name} has the type {value.dtype}, not FLOAT"
    return None

# SPDX-License-Identifier: Apache-2.0
"""A float ONNX network as torch modules, for the operators that classifiers are made of.

A converter of its own, because onnx2torch needs torchvision, whose builds don't fit every torch.
"""

import onnx
import torch
from onnx.numpy_helper import to_array
from torch import fx, nn


def torch_network(path):
    """The network of one input and one output in the file, in evaluation mode."""
    model = onnx.load(path)
    constants = {each.name: torch.tensor(to_array(each)) for each in model.graph.initializer}
    graph, modules = fx.Graph(), nn.Module()
    values = {model.graph.input[0].name: graph.placeholder("given")}
    for number, node in enumerate(model.graph.node):
        attributes = {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}
        given = [values[name] for name in node.input if name in values]
        fixed = [constants[name] for name in node.input if name in constants]
        made = CONVERSIONS[node.op_type](attributes, fixed)
        if isinstance(made, nn.Module):
            modules.add_module(f"m{number}", made)
            result = graph.call_module(f"m{number}", tuple(given))
        else:
            function, arguments, joined = made
            first = (given,) if joined else tuple(given)
            result = graph.call_function(function, (*first, *arguments))
        values[node.output[0]] = result
    graph.output(values[model.graph.output[0].name])
    return fx.GraphModule(modules, graph).eval()


def convolution(attributes, fixed):
    """Conv; torch pads both sides alike, so the kernel grows by zeros where the sides differ."""
    (weight, *bias), group = fixed, attributes.get("group", 1)
    top, left, bottom, right = attributes.get("pads", [0, 0, 0, 0])
    grown = [max(0, bottom - top), max(0, top - bottom)]
    weight = nn.functional.pad(weight, [max(0, right - left), max(0, left - right), *grown])
    made = nn.Conv2d(
        weight.shape[1] * group,
        weight.shape[0],
        tuple(weight.shape[2:]),
        tuple(attributes.get("strides", [1, 1])),
        (max(top, bottom), max(left, right)),
        groups=group,
        bias=bool(bias),
    )
    with torch.no_grad():
        made.weight.copy_(weight)
        if bias:
            made.bias.copy_(bias[0])
    return made


def normalization(attributes, fixed):
    """BatchNormalization."""
    made = nn.BatchNorm2d(len(fixed[0]), eps=attributes.get("epsilon", 1e-5))
    with torch.no_grad():
        for mine, theirs in zip(
            (made.weight, made.bias, made.running_mean, made.running_var), fixed, strict=True
        ):
            mine.copy_(theirs)
    return made


def clip(attributes, fixed):
    """Clip from 0 to 6."""
    if [float(bound) for bound in fixed] != [0.0, 6.0]:
        raise ValueError(f"Clip with bounds {fixed}")
    return nn.ReLU6()


def product(attributes, fixed):
    """Gemm whose second operand is transposed."""
    if not attributes.get("transB"):
        raise ValueError("Gemm with a second operand that is not transposed")
    made = nn.Linear(fixed[0].shape[1], fixed[0].shape[0])
    with torch.no_grad():
        made.weight.copy_(fixed[0])
        made.bias.copy_(fixed[1])
    return made


def maximum_pooling(attributes, fixed):
    """MaxPool with one value for both sides' pads."""
    return nn.MaxPool2d(
        tuple(attributes["kernel_shape"]),
        tuple(attributes.get("strides", [1, 1])),
        tuple(attributes.get("pads", [0, 0, 0, 0])[:2]),
        ceil_mode=bool(attributes.get("ceil_mode", 0)),
    )


def subsampling(attributes, fixed):
    """Slice that keeps every step-th row and column: a pooling whose windows hold one element."""
    starts, _, axes, steps = (each.tolist() for each in fixed)
    if any(starts) or axes != [2, 3]:
        raise ValueError(f"Slice from {starts} along axes {axes}")
    return nn.MaxPool2d(1, tuple(steps))


def channel_padding(attributes, fixed):
    """Pad of channels with zeros."""
    pads = fixed[0].tolist()
    if any(pad for index, pad in enumerate(pads) if index not in (1, 5)):
        raise ValueError(f"Pad of {pads}")
    return nn.ConstantPad3d((0, 0, 0, 0, pads[1], pads[5]), 0.0)


CONVERSIONS = {
    "Conv": convolution,
    "BatchNormalization": normalization,
    "Clip": clip,
    "Gemm": product,
    "MaxPool": maximum_pooling,
    "Relu": lambda attributes, fixed: nn.ReLU(),
    "GlobalAveragePool": lambda attributes, fixed: nn.AdaptiveAvgPool2d(1),
    "Flatten": lambda attributes, fixed: (torch.flatten, (1,), False),
    "Add": lambda attributes, fixed: (torch.add, (), False),
    "Concat": lambda attributes, fixed: (torch.cat, (attributes["axis"],), True),
    "Slice": subsampling,
    "Pad": channel_padding,
}
"""A module, or a function, its further arguments, and whether it takes its operands in a list."""

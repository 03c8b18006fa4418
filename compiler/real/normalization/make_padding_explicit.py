# SPDX-License-Identifier: Apache-2.0
"""Padding that an operator is told to find by itself becomes numbers."""

from dataclasses import dataclass

import onnx_ir as ir

_WINDOWS = frozenset({"AveragePool", "Conv", "MaxPool"})


@dataclass(frozen=True, slots=True)
class _Axis:
    """One spatial axis: its extent, and the window that slides over it.

    Attributes:
        extent: how many positions the input has.
        reach: how many positions a window spans, dilation included.
        stride: positions between two windows.
    """

    extent: int
    reach: int
    stride: int


def make_padding_explicit(model: ir.Model) -> ir.Model:
    """Replace ``auto_pad`` and ``output_shape`` by the ``pads`` that they stand for.

    - SAME_UPPER, SAME_LOWER: windows = ceil(extent / stride), so that the total padding is
      max((windows - 1) * stride + reach - extent, 0) with reach = dilation * (kernel - 1) + 1;
      an odd one goes to the end (UPPER) or the beginning (LOWER).
    - ConvTranspose: total = max((extent - 1) * stride + reach + output_padding - out, 0) with
      out = extent * stride or as ``output_shape`` says; the odd one likewise, at the beginning
      unless UPPER. An ``output_shape`` beyond what the windows reach becomes output padding.
    - VALID: 0.

    What has no static shape stays as it is.

    Source: ONNX operators Conv-11, ConvTranspose-11, AveragePool-19 and MaxPool-12; the odd padding
    of ``output_shape`` as in ONNX Runtime 1.31.
    """
    model = model.clone()
    for node in model.graph:
        if node.domain != "" or not _finds_padding(node):
            continue
        axes = _axes(node)
        if axes is None:
            continue
        if node.op_type in _WINDOWS:
            _resolve_windows(node, axes)
        elif node.op_type == "ConvTranspose":
            _resolve_transposed(node, axes)
    return model


def _finds_padding(node: ir.Node) -> bool:
    return _mode(node) != "NOTSET" or "output_shape" in node.attributes


def _mode(node: ir.Node) -> str:
    return node.attributes.get_string("auto_pad", "NOTSET")


def _axes(node: ir.Node) -> list[_Axis] | None:
    """The spatial axes; None unless every number of them is known."""
    source = node.inputs[0]
    shape = None if source is None else source.shape
    if shape is None or not all(isinstance(dim, int) for dim in shape[2:]):
        return None
    extents = [int(dim) for dim in shape[2:] if isinstance(dim, int)]
    weight = node.inputs[1].shape if len(node.inputs) > 1 and node.inputs[1] is not None else None
    stored = [dim for dim in weight[2:] if isinstance(dim, int)] if weight is not None else []
    kernel = node.attributes.get_ints("kernel_shape", stored)
    strides, dilations = _numbers(node, "strides", extents), _numbers(node, "dilations", extents)
    if not len(kernel) == len(strides) == len(dilations) == len(extents):
        return None
    return [
        _Axis(extent, dilation * (taps - 1) + 1, stride)
        for extent, taps, stride, dilation in zip(extents, kernel, strides, dilations, strict=True)
    ]


def _numbers(node: ir.Node, name: str, extents: list[int], default: int = 1) -> list[int]:
    return list(node.attributes.get_ints(name, [default] * len(extents)))


def _resolve_windows(node: ir.Node, axes: list[_Axis]) -> None:
    totals = [0] * len(axes)
    if _mode(node) != "VALID":
        totals = [
            max((-(-axis.extent // axis.stride) - 1) * axis.stride + axis.reach - axis.extent, 0)
            for axis in axes
        ]
        # The padding already makes as many windows as rounding up would.
        node.attributes.pop("ceil_mode", None)
    _write(node, totals, upper=_mode(node) == "SAME_UPPER")


def _resolve_transposed(node: ir.Node, axes: list[_Axis]) -> None:
    extents = [axis.extent for axis in axes]
    added = _numbers(node, "output_padding", extents, 0)
    full = [
        (axis.extent - 1) * axis.stride + axis.reach + more
        for axis, more in zip(axes, added, strict=True)
    ]
    wanted = [axis.extent * axis.stride for axis in axes] if _mode(node) != "VALID" else full
    if "output_shape" in node.attributes:
        wanted = _numbers(node, "output_shape", extents)
        if len(wanted) != len(axes):
            return
        more = [add + max(w - f, 0) for add, w, f in zip(added, wanted, full, strict=True)]
        node.attributes["output_padding"] = ir.AttrInt64s("output_padding", more)
        node.attributes.pop("output_shape")
    totals = [max(f - w, 0) for f, w in zip(full, wanted, strict=True)]
    _write(node, totals, upper=_mode(node) == "SAME_UPPER")


def _write(node: ir.Node, totals: list[int], *, upper: bool) -> None:
    begins = [total // 2 if upper else total - total // 2 for total in totals]
    ends = [total - begin for total, begin in zip(totals, begins, strict=True)]
    node.attributes["pads"] = ir.AttrInt64s("pads", begins + ends)
    node.attributes.pop("auto_pad", None)

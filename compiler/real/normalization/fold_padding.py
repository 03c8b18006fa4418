# SPDX-License-Identifier: Apache-2.0
"""Zero padding before a convolution becomes the convolution's own padding."""

import onnx_ir as ir

from intaglio.compiler.real.editing import constant, input_at, remove_unused, sole_consumer


def fold_padding(model: ir.Model) -> ir.Model:
    """Let a Conv pad for itself: Conv(Pad(x, p, 0), pads=q) = Conv(x, pads=p+q).

    Only spatial zero padding (no cropping) that the Conv alone reads is folded.

    Source: ONNX operators Pad-21 and Conv-11, whose implicit padding is zero.
    """
    model = model.clone()
    for pad in list(model.graph):
        if pad.op_type != "Pad" or pad.domain != "":
            continue
        conv, pads = sole_consumer(pad.outputs[0]), _spatial_pads(pad)
        if conv is None or conv.op_type != "Conv" or pads is None or pad.inputs[0] is None:
            continue
        if (
            conv.inputs[0] is not pad.outputs[0]
            or conv.attributes.get_string("auto_pad", "NOTSET") != "NOTSET"
        ):
            continue
        own = conv.attributes.get_ints("pads", [0] * len(pads))
        conv.attributes["pads"] = ir.AttrInt64s(
            "pads", [a + b for a, b in zip(own, pads, strict=True)]
        )
        conv.replace_input_with(0, pad.inputs[0])
    remove_unused(model)
    return model


def _spatial_pads(pad: ir.Node) -> list[int] | None:
    """Begins then ends of the spatial axes; None unless this is plain zero padding of those."""
    if pad.attributes.get_string("mode", "constant") != "constant" or input_at(pad, 3) is not None:
        return None
    amounts, fill = constant(input_at(pad, 1)), input_at(pad, 2)
    if amounts is None:
        return None
    if fill is not None:
        filled = constant(fill)
        if filled is None or filled.any():
            return None
    begins, ends = amounts.reshape(2, -1).tolist()
    if any(begins[:2]) or any(ends[:2]) or min(begins + ends) < 0:
        return None
    pads: list[int] = begins[2:] + ends[2:]
    return pads

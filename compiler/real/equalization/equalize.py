# SPDX-License-Identifier: Apache-2.0
"""Cross-layer equalization: channels are scaled until what writes and what reads them is alike."""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from intaglio.compiler.real.equalization.activation_reach import activation_reach
from intaglio.compiler.real.equalization.apply_scales import apply_scales
from intaglio.compiler.real.equalization.balance import Balanced, balance
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalization_regions import (
    Region,
    Scales,
    describe_region,
    find_regions,
)
from intaglio.compiler.real.equalization.follow_channels import RETURNED
from intaglio.compiler.real.outcome import Note, Outcome

DEFAULTS = EqualizationOptions()


def equalize_layers(model: ir.Model, options: EqualizationOptions = DEFAULTS) -> Outcome:
    """Scale channels so that the weights that write and that read each have like ranges.

    With x the channels between two layers, f(x / s) = f(x) / s for s > 0, so that

        W1' = W1 / s,  b1' = b1 / s,  W2' = W2 * s      leave the function the same, and
        s = sqrt(r1 / r2)                                makes the ranges r1 and r2 of the weights
                                                         that write and that read a channel equal.

    - Several sources or sinks (through add, concat, branches): r1, r2 are their largest ranges.
    - A depthwise convolution between two layers is solved with both in closed form: with
      g = (r1 * r2 * r3)**(1/3), s12 = r1 / g and s23 = g / r3, all three ranges are g.
    - If asked, r1 becomes r1**(1 - t) * reach**t, the reach of the channel's activations counting
      beside the weights that write it.
    - Longer chains are visited in order, again and again, until scales don't change any more.

    Bounds by channel, added constants, and noted means and stds are divided by s as well. What
    can't be scaled is left as it is, and a note says which layers that keeps apart and why.

    Args:
        model: a normalized model, best after ``per_channel_caps``; it stays as it is.
        options: measure, exponent, guards.

    Source: Nagel et al., Data-Free Quantization Through Weight Equalization and Bias Correction
    (2019), section 4.1 and appendix A; triples and guards as in AIMET; the exponent as in
    Brevitas.
    """
    model = model.clone()
    scales = find_regions(model.graph)
    reach = activation_reach(model, scales) if options.activation_share else None
    found = balance(scales, options, reach)
    copies = apply_scales(model.graph, scales, found.factors)
    notes = [note for region in scales.regions for note in _notes(region, scales, found)]
    changed = int(np.count_nonzero(found.factors != 1))
    count = sum(bool((found.factors[region.scales] != 1).any()) for region in scales.regions)
    ended = f"{found.sweeps} sweeps, the last one changing scales by {found.change:.0e}"
    summary = f"{changed} channels in {count} regions; {ended}"
    return Outcome(model, changed, summary, (*copies, *notes))


def _notes(region: Region, scales: Scales, found: Balanced) -> Iterator[Note]:
    """What was done to a region, and why not to all of it; nothing where there is no edge."""
    where = describe_region(region, scales.layers)
    factors, count = found.factors[region.scales], region.scales.size
    changed = factors != 1
    if changed.any():
        figures = {
            "channels": int(changed.sum()),
            "smallest scale": float(factors[changed].min()),
            "largest scale": float(factors[changed].max()),
        }
        yield Note(where, "equalized", figures)
    dead = int(found.dead[region.scales].sum())
    if dead:
        said = f"{dead} of {count} channels left alone: their weights are next to nothing"
        yield Note(where, said, {"channels": dead})
    barriers = [b for b in region.barriers if region.sinks or b.why != RETURNED]
    if region.sources and barriers:
        left = count - int(scales.free[region.scales].sum())
        part = "not equalized" if left == count else f"{left} of {count} channels not equalized"
        reasons = "; ".join(f"{barrier.where}: {barrier.why}" for barrier in barriers)
        yield Note(where, f"{part}: {reasons}", {"channels": left})

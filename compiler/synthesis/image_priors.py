# SPDX-License-Identifier: Apache-2.0
"""What keeps inputs smooth and small."""

import torch

_SHIFT = 8  # the part of an extent that a picture may be rolled by: 30 of 224 pixels in DSG


def total_variation(samples: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
    """The mean squared difference of neighbours along each axis, summed over the axes.

    Args:
        samples: ``[N, ...]``.
        axes: of the tensor; the spatial ones.
    """
    terms = [torch.square(samples.diff(dim=axis)).mean() for axis in axes]
    return torch.stack(terms).sum() if terms else samples.new_zeros(())


def rolled(
    samples: torch.Tensor, axes: tuple[int, ...], generator: torch.Generator
) -> torch.Tensor:
    """The samples, shifted at random by up to an eighth of each axis and wrapped around.

    Args:
        samples: ``[N, ...]``.
        axes: of the tensor; the spatial ones.
        generator: of the shifts, on the CPU.
    """
    most = [samples.shape[axis] // _SHIFT for axis in axes]
    shifts = [int(torch.randint(-m, m + 1, (), generator=generator)) for m in most]
    return torch.roll(samples, shifts, axes) if axes else samples

# SPDX-License-Identifier: Apache-2.0
"""Mean and variance as PyTorch's own, with its gradients."""

import pytest
import torch

from intaglio.compiler.synthesis.mean_and_variance import mean_and_variance
from tests.compiler.real.building import random

SHAPE = (3, 4, 5, 2)


@pytest.mark.parametrize("axes", [(0, 2, 3), (2, 3), (0,), (1,), (0, 1, 2, 3)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients(axes: tuple[int, ...], layout: torch.memory_format) -> None:
    x = torch.tensor(random(0, *SHAPE), dtype=torch.float64).contiguous(memory_format=layout)
    x.requires_grad_()
    mean, variance = mean_and_variance(x, axes)
    expected = torch.var_mean(x, axes, correction=0, keepdim=True)
    torch.testing.assert_close((variance, mean), expected)
    weights = [torch.tensor(random(1 + i, *mean.shape)).double() for i in range(2)]
    (found,) = torch.autograd.grad((weights[0] * mean + weights[1] * variance).sum(), [x])
    (wanted,) = torch.autograd.grad(
        (weights[0] * expected[1] + weights[1] * expected[0]).sum(), [x]
    )
    torch.testing.assert_close(found, wanted)


def test_a_small_spread_about_a_large_mean() -> None:
    x = 1000 + 0.01 * torch.tensor(random(0, 8, 2, 16, 16))
    _, variance = mean_and_variance(x, (0, 2, 3))
    torch.testing.assert_close(
        variance, torch.var(x, (0, 2, 3), correction=0, keepdim=True), rtol=1e-3, atol=0
    )


def test_a_constant_channel_has_no_gradient_of_variance() -> None:
    x = torch.full((2, 1, 4, 4), 3.0, requires_grad=True)
    _, variance = mean_and_variance(x, (0, 2, 3))
    (gradient,) = torch.autograd.grad(variance.sum(), [x])
    assert float(variance.detach()) == 0.0
    assert torch.equal(gradient, torch.zeros_like(x))

# SPDX-License-Identifier: Apache-2.0
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from intaglio.compiler.synthesis import sizes
from intaglio.compiler.synthesis.sizes import samples_at_once
from tests.compiler.real.building import parse, random

W = random(0, 4, 3, 3, 3)
# What the convolution and the clamp hold of one sample, three times, as float32.
BYTES = 3 * 4 * (2 * 4 * 6 * 6)


def network(batch: int | str) -> str:
    return f"(float[{batch},3,8,8] x) => (y) {{ a = Conv(x, w) y = Relu(a) }}"


def test_few_samples_go_through_at_once() -> None:
    assert samples_at_once(parse(network("N"), w=W), 32) == 32


@pytest.mark.parametrize(("samples", "most", "expected"), [(32, 8, 8), (33, 32, 17), (5, 0, 1)])
def test_memory_limits_parts_that_are_equally_large(
    monkeypatch: pytest.MonkeyPatch, samples: int, most: int, expected: int
) -> None:
    monkeypatch.setattr(sizes, "MOST_BYTES", max(most * BYTES, 1))
    assert samples_at_once(parse(network("N"), w=W), samples) == expected


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 200), st.integers(1, 50))
def test_all_samples_fit_and_few_are_made_in_vain(samples: int, most: int) -> None:
    model = parse(network("N"), w=W)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sizes, "MOST_BYTES", most * BYTES)
        found = samples_at_once(model, samples)
    assert 1 <= found <= most
    parts = -(-samples // found)
    assert parts == -(-samples // most)
    assert parts * found < samples + parts


@pytest.mark.parametrize("samples", [1, 3, 100])
def test_a_fixed_batch_is_kept_to(samples: int) -> None:
    assert samples_at_once(parse(network(3), w=W), samples) == 3

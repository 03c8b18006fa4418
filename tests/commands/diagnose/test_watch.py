# SPDX-License-Identifier: Apache-2.0
"""What codes of an activation show, by hand."""

import numpy as np
import pytest

from intaglio.commands.diagnose.quantized_network import Activation
from intaglio.commands.diagnose.watch import Watch
from intaglio.compiler.real.parameters import Encoding, QuantizationParameters

PARAMETERS = QuantizationParameters(Encoding(4, signed=False), (0.5,), (2,))


def watch() -> Watch:
    return Watch(Activation("v", "v", "v_codes", "Relu", PARAMETERS))


def test_codes_used_by_all_and_by_each_channel() -> None:
    seen = watch()
    seen.see(np.array([[[2, 5], [3, 3]]], np.uint8), None)
    seen.see(np.array([[[4, 11], [3, 6]]], np.uint8), None)
    use = seen.use()
    assert use.codes == pytest.approx((11 - 2) / 15)
    assert use.channels_least == pytest.approx(3 / 15)
    assert use.channels_median == pytest.approx((9 / 15 + 3 / 15) / 2)
    assert use.beyond is None


def test_what_lies_beyond_the_codes_is_counted() -> None:
    seen = watch()
    exact = np.array([[-1.2, -1.3, 0.0, 6.7, 6.8, 100.0]], np.float32)
    codes = np.array([[0, 0, 2, 15, 15, 15]], np.uint8)
    seen.see(codes, exact)
    # The codes stand for -1 to 6.5, and take what rounds to either: -1.25 to 6.75.
    assert seen.use().beyond == pytest.approx(3 / 6)
    assert seen.tally.fidelity().largest_error == pytest.approx(93.5)


def test_a_value_without_channels_has_no_figures_of_them() -> None:
    seen = watch()
    seen.see(np.array([3, 9], np.uint8), None)
    assert seen.use().codes == pytest.approx(6 / 15)
    assert seen.use().channels_median is None

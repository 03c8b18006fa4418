# SPDX-License-Identifier: Apache-2.0
"""Which elements of an axis ONNX's Slice takes."""

_GREATEST = (2**31 - 1, 2**63 - 1)


def slice_range(start: int, end: int, step: int, extent: int) -> range:
    """The indices of the elements, in order.

    Negative starts and ends count from the back; what lies beyond the axis is moved to its nearest
    end. Python's own slices differ where the step is negative: a start before the axis is then no
    element, not the first one, and no number but None means to the beginning.

    >>> list(slice_range(-99, -99, -1, 4)), list(range(4))[-99:-99:-1]
    ([0], [])

    Source: ONNX operator Slice-13; ONNX Runtime 1.31, measured: an end of 2**31 - 1 or 2**63 - 1
    means the beginning of the axis where the step is negative.

    Args:
        start: the first element.
        end: before which to stop.
        step: not zero.
        extent: of the axis.
    """
    back = int(step < 0)
    first, last = (x + extent if x < 0 else x for x in (start, end))
    if back and end in _GREATEST:
        last = -1
    return range(min(max(first, 0), extent - back), min(max(last, -back), extent - back), step)

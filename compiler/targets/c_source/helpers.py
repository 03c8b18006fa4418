# SPDX-License-Identifier: Apache-2.0
"""The C functions that expressions call: each is written only where it is called.

Floats are rounded by integers, so that neither ``math.h`` nor its library is needed.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

_WIDE: Mapping[str, str] = {
    "wide": """
/* Integers of 128 bits in two's complement. */
typedef struct {
    uint64_t low, high;
} wide;
""",
    "wide_of": """
static wide wide_of(int64_t x) {
    wide r;
    r.low = (uint64_t)x;
    r.high = x < 0 ? ~UINT64_C(0) : 0;
    return r;
}
""",
    "wide_of_words": """
static wide wide_of_words(uint64_t low, uint64_t high) {
    wide r;
    r.low = low;
    r.high = high;
    return r;
}
""",
    "wide_add": """
static wide wide_add(wide a, wide b) {
    wide r;
    r.low = a.low + b.low;
    r.high = a.high + b.high + (r.low < a.low);
    return r;
}
""",
    "wide_subtract": """
static wide wide_subtract(wide a, wide b) {
    wide r;
    r.low = a.low - b.low;
    r.high = a.high - b.high - (a.low < b.low);
    return r;
}
""",
    "wide_multiply": """
static wide wide_multiply(wide a, wide b) {
    const uint64_t a0 = a.low & UINT32_MAX, a1 = a.low >> 32;
    const uint64_t b0 = b.low & UINT32_MAX, b1 = b.low >> 32;
    const uint64_t low = a0 * b0, left = a1 * b0, right = a0 * b1;
    const uint64_t middle = (low >> 32) + (left & UINT32_MAX) + (right & UINT32_MAX);
    wide r;
    r.low = (low & UINT32_MAX) | (middle << 32);
    r.high = a1 * b1 + (left >> 32) + (right >> 32) + (middle >> 32);
    r.high += a.low * b.high + a.high * b.low;
    return r;
}
""",
    "wide_and": """
static wide wide_and(wide a, wide b) {
    return wide_of_words(a.low & b.low, a.high & b.high);
}
""",
    "wide_or": """
static wide wide_or(wide a, wide b) {
    return wide_of_words(a.low | b.low, a.high | b.high);
}
""",
    "wide_left": """
static wide wide_left(wide a, wide by) {
    const unsigned n = (unsigned)by.low;
    if (n == 0) return a;
    if (n >= 64) return wide_of_words(0, a.low << (n - 64));
    return wide_of_words(a.low << n, (a.high << n) | (a.low >> (64 - n)));
}
""",
    "wide_right": """
static wide wide_right(wide a, wide by) {
    const unsigned n = (unsigned)by.low;
    const uint64_t sign = a.high >> 63 ? ~UINT64_C(0) : 0;
    if (n == 0) return a;
    if (n == 64) return wide_of_words(a.high, sign);
    if (n > 64) return wide_of_words((a.high >> (n - 64)) | (sign << (128 - n)), sign);
    return wide_of_words((a.low >> n) | (a.high << (64 - n)), (a.high >> n) | (sign << (64 - n)));
}
""",
    "wide_equal": """
static int wide_equal(wide a, wide b) {
    return a.low == b.low && a.high == b.high;
}
""",
    "wide_less": """
static int wide_less(wide a, wide b) {
    const uint64_t sign = UINT64_C(1) << 63;
    if (a.high != b.high) return (a.high ^ sign) < (b.high ^ sign);
    return a.low < b.low;
}
""",
    "minimum_wide": """
static wide minimum_wide(wide a, wide b) {
    return wide_less(a, b) ? a : b;
}
""",
    "maximum_wide": """
static wide maximum_wide(wide a, wide b) {
    return wide_less(a, b) ? b : a;
}
""",
}


def _extremes(name: str, type: str) -> dict[str, str]:
    return {
        f"minimum_{name}": f"""
static {type} minimum_{name}({type} a, {type} b) {{
    return a < b ? a : b;
}}
""",
        f"maximum_{name}": f"""
static {type} maximum_{name}({type} a, {type} b) {{
    return a > b ? a : b;
}}
""",
    }


def _floats(name: str, type: str, integer: str, whole: str, suffix: str) -> dict[str, str]:
    """The functions of one type of floats, whose values of ``whole`` and more are integral."""
    return {
        f"bits_of_{name}": f"""
static {integer} bits_of_{name}({type} x) {{
    {integer} r;
    memcpy(&r, &x, sizeof r);
    return r;
}}
""",
        f"{name}_of_bits": f"""
static {type} {name}_of_bits({integer} x) {{
    {type} r;
    memcpy(&r, &x, sizeof r);
    return r;
}}
""",
        f"rounded_{name}": f"""
/* A result of its own, never contracted into one rounding with what follows. */
static {type} rounded_{name}({type} x) {{
    volatile {type} r = x;
    return r;
}}
""",
        f"fabs_{name}": f"""
static {type} fabs_{name}({type} x) {{
    return x < 0 ? -x : x;
}}
""",
        f"trunc_{name}": f"""
static {type} trunc_{name}({type} x) {{
    return x > -{whole} && x < {whole} ? ({type})({integer})x : x;
}}
""",
        f"floor_{name}": f"""
static {type} floor_{name}({type} x) {{
    const {type} r = trunc_{name}(x);
    return r > x ? r - 1 : r;
}}
""",
        f"ceil_{name}": f"""
static {type} ceil_{name}({type} x) {{
    const {type} r = trunc_{name}(x);
    return r < x ? r + 1 : r;
}}
""",
        f"roundeven_{name}": f"""
static {type} roundeven_{name}({type} x) {{
    const {type} r = trunc_{name}(x);
    const {type} rest = x < r ? r - x : x - r;
    if (rest < 0.5{suffix} || (rest == 0.5{suffix} && !(({integer})r & 1))) return r;
    return x < r ? r - 1 : r + 1;
}}
""",
    }


_OTHERS: Mapping[str, str] = {
    "leading_zeros": """
static int64_t leading_zeros(int64_t x) {
    uint64_t rest = (uint64_t)x;
    int64_t n = 64;
    while (rest) {
        rest >>= 1;
        n--;
    }
    return n;
}
""",
    "fma_float": """
/* a * b + c with one rounding: the product is exact in a double, and the sum is rounded to odd,
   which has bits enough for the rounding to a float to be right. */
static float fma_float(float a, float b, float c) {
    const double product = (double)a * b;
    const double sum = rounded_double(product + c);
    const double back = rounded_double(sum - product);
    const double lost = rounded_double(product - rounded_double(sum - back)) + (c - back);
    int64_t bits = bits_of_double(sum);
    if (lost != 0 && !(bits & 1)) bits += (lost > 0) == (sum > 0) ? 1 : -1;
    return (float)double_of_bits(bits);
}
""",
}

HELPERS: Mapping[str, str] = {
    **_WIDE,
    **_extremes("int32", "int32_t"),
    **_extremes("int64", "int64_t"),
    **_extremes("float", "float"),
    **_extremes("double", "double"),
    **_floats("float", "float", "int32_t", "8388608.0f", "f"),
    **_floats("double", "double", "int64_t", "4503599627370496.0", ""),
    **_OTHERS,
}
"""The text of each, in an order in which each stands behind those that it calls."""

_WORD = re.compile(r"\w+")


def helpers(called: Iterable[str]) -> Iterator[str]:
    """The texts of the functions that are called, and of those that they call."""
    needed = set(called)
    while True:
        more = {word for name in needed for word in _WORD.findall(HELPERS[name]) if word in HELPERS}
        if more <= needed:
            break
        needed |= more
    yield from (text for name, text in HELPERS.items() if name in needed)

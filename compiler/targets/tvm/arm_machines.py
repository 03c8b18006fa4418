# SPDX-License-Identifier: Apache-2.0
"""ARM processors by the names that users give them."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from intaglio.compiler.targets.tvm.machine import Instructions, Machine
from intaglio.errors import InvalidOption

_AARCH64 = Machine("aarch64-linux-gnu", "generic", Instructions.NEON, ("+neon",))
# Integers alone: cores without a unit for floats run the same code, to the same bits.
_INTEGER = ("+soft-float", "-vfp2sp")
_THUMB = Machine("thumbv7em-none-eabi", "cortex-m4", Instructions.ARM_DSP, _INTEGER, 32)

ARM_MACHINES: Mapping[str, Machine] = {
    "aarch64": _AARCH64,
    "aarch64+dotprod": replace(
        _AARCH64, instructions=Instructions.NEON_DOTPROD, features=("+neon", "+dotprod")
    ),
    "aarch64+dotprod+i8mm": replace(
        _AARCH64, instructions=Instructions.NEON_I8MM, features=("+neon", "+dotprod", "+i8mm")
    ),
    "cortex-m0plus": replace(
        _THUMB,
        triple="thumbv6m-none-eabi",
        cpu="cortex-m0plus",
        instructions=Instructions.PORTABLE,
        features=(),
    ),
    "cortex-m4": _THUMB,
    "cortex-m7": replace(_THUMB, cpu="cortex-m7"),
    "cortex-m33": replace(_THUMB, triple="thumbv8m.main-none-eabi", cpu="cortex-m33"),
    "cortex-m55": replace(
        _THUMB,
        triple="thumbv8.1m.main-none-eabi",
        cpu="cortex-m55",
        instructions=Instructions.MVE,
        features=("+mve", *_INTEGER),
    ),
}
"""By target; ``aarch64`` has Advanced SIMD alone, which every AArch64 processor has."""

_FAT = replace(
    _AARCH64,
    alternatives=(ARM_MACHINES["aarch64+dotprod+i8mm"], ARM_MACHINES["aarch64+dotprod"]),
)
_TARGETS: Mapping[str, Machine] = {**ARM_MACHINES, "aarch64+fat": _FAT}
"""``aarch64+fat`` holds code for all three and chooses when it runs, under Linux."""


def arm_machine(target: str) -> Machine:
    """The processor of a target.

    Raises:
        InvalidOption: there is no such target.
    """
    if target in _TARGETS:
        return _TARGETS[target]
    near = get_close_matches(target, _TARGETS, 1)
    advice = f"did you mean {near[0]}" if near else f"choose one of {', '.join(_TARGETS)}"
    raise InvalidOption("target", target, "is no target", advice)

# SPDX-License-Identifier: Apache-2.0
"""Which toolchain builds a program for a processor, and which emulated machine runs it."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace

from intaglio.compiler.targets.tvm.arm_machines import arm_machine
from intaglio.errors import InvalidOption, MissingTool

PACKAGES: Mapping[str, str] = {
    "qemu-aarch64": "qemu-user",
    "qemu-system-arm": "qemu-system-arm",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "aarch64-linux-gnu-nm": "binutils-aarch64-linux-gnu",
    "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
    "arm-none-eabi-nm": "binutils-arm-none-eabi",
    "gcc": "gcc libc6-dev",
}
"""Debian's, by tool."""


@dataclass(frozen=True, slots=True)
class Region:
    """Bytes from an address on."""

    start: int
    size: int

    @property
    def end(self) -> int:
        """The first address behind it."""
        return self.start + self.size


@dataclass(frozen=True, slots=True)
class Memories:
    """The memories of a bare board.

    Attributes:
        code: for code.
        data: for variables and the stack.
        large: for the network's constants, its tensors and its arena.
    """

    code: Region
    data: Region
    large: Region


@dataclass(frozen=True, slots=True)
class Board:
    """An emulated machine.

    Attributes:
        tools: what the names of its compiler and its ``nm`` start with.
        flags: of the compiler and linker.
        emulator: the command, which the program's path follows.
        memories: where code and data of a program without an operating system go; None where there
            is one.
    """

    tools: str
    flags: tuple[str, ...]
    emulator: tuple[str, ...]
    memories: Memories | None

    def tool(self, name: str) -> str:
        """The path of a tool of this board.

        Raises:
            MissingTool: it isn't installed.
        """
        return find_tool(f"{self.tools}{name}")


def _linux(*flags: str) -> Board:
    # QEMU 7.2 computes some of SVE wrongly.
    return Board(
        "aarch64-linux-gnu-",
        ("-static", *flags),
        ("qemu-aarch64", "-cpu", "max,sve=off"),
        memories=None,
    )


_MEBIBYTE = 1 << 20
_MPS2 = Memories(
    Region(0x0, 4 * _MEBIBYTE),
    Region(0x20000000, 4 * _MEBIBYTE),
    Region(0x21000000, 16 * _MEBIBYTE),
)
_MPS2_M7 = replace(_MPS2, large=Region(0x60000000, 16 * _MEBIBYTE))
# The secure side of the buses.
_IOTKIT = Memories(
    Region(0x10000000, 4 * _MEBIBYTE),
    Region(0x38000000, 4 * _MEBIBYTE),
    Region(0x80000000, 16 * _MEBIBYTE),
)
# The board's DDR has 2 GiB; an emulator may have less of it.
_SSE300 = Memories(
    Region(0x0, 512 * 1024), Region(0x20000000, 512 * 1024), Region(0x60000000, 512 * _MEBIBYTE)
)


def _bare(machine: str, cpu: str, memories: Memories, float_abi: str = "soft") -> Board:
    flags = (f"-mcpu={cpu}", f"-mfloat-abi={float_abi}", "-mthumb")
    quiet = ("-display", "none", "-monitor", "none", "-serial", "none")
    semihosting = ("-semihosting-config", "enable=on,target=native")
    emulator = ("qemu-system-arm", "-M", machine, *quiet, *semihosting, "-kernel")
    return Board("arm-none-eabi-", flags, emulator, memories)


BOARDS: Mapping[str, Board] = {
    "aarch64": _linux(),
    "aarch64+dotprod": _linux(),
    "aarch64+dotprod+i8mm": _linux(),
    # Armv6-M code runs on the larger cores; QEMU's one board with such a core has 16 KiB.
    "cortex-m0plus": _bare("mps2-an385", "cortex-m0plus", _MPS2),
    "cortex-m4": _bare("mps2-an386", "cortex-m4", _MPS2),
    "cortex-m7": _bare("mps2-an500", "cortex-m7", _MPS2_M7),
    "cortex-m33": _bare("mps2-an505", "cortex-m33", _IOTKIT),
    "cortex-m55": _bare("mps3-an547", "cortex-m55", _SSE300, "softfp"),
}
"""By target."""


def board_of(target: str) -> Board:
    """The machine that runs programs for a target.

    Raises:
        InvalidOption: it holds code for several processors, or there is no such target.
    """
    if target in BOARDS:
        return BOARDS[target]
    alternatives = arm_machine(target).alternatives
    each = [name for name in BOARDS if name.startswith("aarch64")]
    found = f"it holds code for {len(alternatives) + 1} targets, of which one would run"
    raise InvalidOption("target", target, found, f"name each: {', '.join(each)}")


def find_tool(name: str) -> str:
    """The path of a tool.

    Raises:
        MissingTool: it isn't installed.
    """
    found = shutil.which(name)
    if found is None:
        raise MissingTool(name, f"install it, on Debian with: apt install {PACKAGES[name]}")
    return found

# SPDX-License-Identifier: Apache-2.0
"""Which processor an object is for."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from intaglio.errors import InvalidOption


class Instructions(Enum):
    """Instruction sets that kernels are written for; values are names in options and manifests."""

    AVX512_VNNI = "avx512-vnni"
    AVX_VNNI = "avx-vnni"
    AVX2 = "avx2"
    NEON_I8MM = "neon-i8mm"
    NEON_DOTPROD = "neon-dotprod"
    NEON = "neon"
    MVE = "mve"
    ARM_DSP = "arm-dsp"
    PORTABLE = "portable"


_X86_CPU: Mapping[Instructions, str] = {
    Instructions.AVX512_VNNI: "icelake-server",
    Instructions.AVX_VNNI: "alderlake",
    Instructions.AVX2: "haswell",
    Instructions.PORTABLE: "x86-64-v3",
}
"""The oldest processor with each set, as LLVM names it."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A processor.

    Attributes:
        triple: as LLVM writes it.
        cpu: as LLVM names it; empty for the least of the triple.
        instructions: what kernels may use.
        features: of LLVM's, beside those of the processor, with their signs.
        pointer_bits: of an address.
        alternatives: processors with more instructions, the best first, whose code stands beside
            that for this one, to be chosen by what is there when it runs.
    """

    triple: str
    cpu: str
    instructions: Instructions
    features: tuple[str, ...] = ()
    pointer_bits: int = 64
    alternatives: tuple["Machine", ...] = ()

    @property
    def bare(self) -> bool:
        """Whether programs run on it without an operating system."""
        return self.triple.endswith("-none-eabi")

    @property
    def integers_alone(self) -> bool:
        """Whether requantizers compute in integers, whatever the profile: on ARM.

        Many of its cores have no unit for floats, and one network has one form on all of them.
        """
        return self.triple.startswith(("aarch64", "thumb"))

    @property
    def compiler(self) -> str:
        """The C compiler that makes programs for it, by the usual name."""
        if self.bare:
            return "arm-none-eabi-gcc"
        native = self.triple.partition("-")[0] == platform.machine()
        return "cc" if native else f"{self.triple}-gcc"

    @property
    def target(self) -> Mapping[str, object]:
        """As TVM writes it."""
        found: dict[str, object] = {"kind": "llvm", "mtriple": self.triple}
        if self.cpu:
            found["mcpu"] = self.cpu
        if self.features:
            found["mattr"] = list(self.features)
        if self.pointer_bits == 32:
            # TVM doesn't know Thumb, and says so where it has to guess.
            found["vector-width"] = 128
        if self.instructions is Instructions.MVE:
            # LLVM 22 crashes on vectors of int64 and of floats that it makes by itself.
            found["cl-opt"] = ["-vectorize-loops=false"]
        return found


def host(instructions: Instructions | None = None) -> Machine:
    """This machine, with the widest instructions that it has or with the given ones.

    Raises:
        InvalidOption: the instructions are of another processor.
    """
    if platform.machine() != "x86_64":
        if instructions not in (None, Instructions.PORTABLE):
            raise InvalidOption(
                "instructions", instructions, "are an x86 processor's", "choose portable"
            )
        return Machine(f"{platform.machine()}-linux-gnu", "", Instructions.PORTABLE)
    chosen = available()[0] if instructions is None else instructions
    if chosen not in _X86_CPU:
        raise InvalidOption(
            "instructions", chosen, "are an ARM processor's", "choose a target that has them"
        )
    return Machine("x86_64-linux-gnu", _X86_CPU[chosen], chosen)


def available() -> tuple[Instructions, ...]:
    """The instruction sets that this machine runs, the widest first."""
    flags = _x86_flags()
    return tuple(found for found, needed in _X86_FLAGS.items() if needed <= flags)


_X86_FLAGS: Mapping[Instructions, set[str]] = {
    Instructions.AVX512_VNNI: {
        "avx512f",
        "avx512bw",
        "avx512dq",
        "avx512vl",
        "avx512vbmi",
        "avx512_vnni",
    },
    Instructions.AVX_VNNI: {"avx_vnni"},
    Instructions.AVX2: {"avx2", "fma", "bmi2"},
    Instructions.PORTABLE: set(),
}


def _x86_flags() -> set[str]:
    cpuinfo = Path("/proc/cpuinfo")
    if platform.machine() != "x86_64" or not cpuinfo.exists():
        return set()
    return set(cpuinfo.read_text().split())

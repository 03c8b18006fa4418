# SPDX-License-Identifier: Apache-2.0
"""Which foreign runtimes there are, and where each one runs."""

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from intaglio.errors import InvalidOption


class Environment(Enum):
    """An environment by the name of its lock file: runtimes whose pins clash live apart."""

    LITERT = "litert"
    """LiteRT and TFLite Micro."""
    LITERT_1_2 = "litert-1.2"
    """The last LiteRT whose fully connected layers round twice."""
    QONNX = "qonnx"
    TOSA = "tosa"
    """The generator of tests and the reference model of TOSA; no peer of `compare`."""
    QUANTIZERS = "quantizers"
    """AIMET and Brevitas, which benchmarks measure; no peers of `compare`."""

    @property
    def any_build(self) -> tuple[str, ...]:
        """Requirements that the lock leaves out, because any build of the version will do."""
        return ("torch==2.13.0",) if self is Environment.QUANTIZERS else ()


class Peer(Enum):
    """A runtime with one choice of its kernels, by the name that users give."""

    ONNXRUNTIME = "onnxruntime"
    """ONNX Runtime's CPU provider with its fusions."""
    LITERT_REF = "litert-ref"
    """LiteRT with its reference kernels."""
    LITERT_OPT = "litert-opt"
    """LiteRT with its optimized kernels and no delegate."""
    LITERT = "litert"
    """LiteRT as it comes, with the XNNPACK delegate."""
    LITERT_REF_1_2 = "litert-ref-1.2"
    """LiteRT 1.2 with its reference kernels."""
    TFLM = "tflm"
    """TFLite Micro."""
    QONNX = "qonnx"
    """QONNX's node by node execution."""

    @property
    def about(self) -> "About":
        """Where it runs, and what it is held against."""
        litert, onnx_runtime = "run_litert.py", "run_onnxruntime.py"
        match self:
            case Peer.ONNXRUNTIME:
                return About(None, onnx_runtime, "fused kernels", "ort-x86-vnni", False)
            case Peer.LITERT_REF:
                home, kernels = Environment.LITERT, "BUILTIN_REF"
                return About(home, litert, kernels, "litert-ref-1.3", True)
            case Peer.LITERT_OPT:
                home, kernels = Environment.LITERT, "BUILTIN_WITHOUT_DEFAULT_DELEGATES"
                return About(home, litert, kernels, "litert-opt-x86", True)
            case Peer.LITERT:
                home, kernels = Environment.LITERT, "XNNPACK delegate"
                return About(home, litert, kernels, "litert-xnnpack-x86", False)
            case Peer.LITERT_REF_1_2:
                home, kernels = Environment.LITERT_1_2, "BUILTIN_REF"
                return About(home, litert, kernels, "litert-ref-1.2", True)
            case Peer.TFLM:
                return About(Environment.LITERT, litert, "reference kernels", "tflm", True)
            case Peer.QONNX:
                return About(Environment.QONNX, "run_qonnx.py", "node by node", "qonnx", True)
            case _:
                assert_never(self)


@dataclass(frozen=True, slots=True)
class About:
    """A peer's place.

    Attributes:
        environment: whose Python runs it; None where it is a dependency of ours.
        adapter: the script in ``adapters/`` that runs its models.
        kernels: what of the program computes, as profiles name it.
        profile: the profile that states its arithmetic.
        shows_tensors: whether it shows what each operator computed within a whole model.
    """

    environment: Environment | None
    adapter: str
    kernels: str
    profile: str
    shows_tensors: bool


def environments_named(name: str) -> tuple[Environment, ...]:
    """What ``--setup NAME`` makes: a peer's environment, one by its own name, or ``all``.

    A peer that is installed with us needs none.  What only a benchmark runs, and brings torch, is
    made by its own name alone.

    Raises:
        InvalidOption: there is no such name.
    """
    if name == "all":
        return tuple(each for each in Environment if each is not Environment.QUANTIZERS)
    if name in (environment.value for environment in Environment):
        return (Environment(name),)
    peers = {peer.value: peer.about.environment for peer in Peer}
    if name not in peers:
        names = ", ".join(dict.fromkeys([*peers, *(each.value for each in Environment)]))
        raise InvalidOption("--setup", name, "no peer has this name", f"take one of {names}, all")
    environment = peers[name]
    return () if environment is None else (environment,)

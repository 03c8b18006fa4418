# SPDX-License-Identifier: Apache-2.0
"""No kernel reads or writes beside its buffers: inaccessible pages lie before and behind each."""

import ctypes
import mmap
import subprocess
import sys
from dataclasses import dataclass

import numpy as np
import pytest

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.targets.tvm.machine import Instructions, available, host
from intaglio.simulator import vectorized
from intaglio.simulator.compiled import loading
from tests.simulator.compiled.test_vector_shapes import SHAPES, convolution, random_codes
from tests.simulator.sums_in_order import I8, Layer, convolutions, each
from tests.simulator.vectorized.networks import chain

PAGE = mmap.PAGESIZE
LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Guarded:
    """Memory of a size that ends, or starts, at an inaccessible page."""

    memory: mmap.mmap
    address: int

    def write(self, array: Array) -> None:
        ctypes.memmove(self.address, array.ctypes.data, array.nbytes)

    def read(self, like: Array) -> Array:
        content = ctypes.string_at(self.address, like.nbytes)
        return np.frombuffer(content, like.dtype).reshape(like.shape)


def guarded(size: int, at_the_end: bool) -> Guarded:
    inner = -(-max(size, 1) // PAGE) * PAGE
    memory = mmap.mmap(-1, inner + 2 * PAGE)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for page in (start, start + PAGE + inner):
        forbidden = LIBC.mprotect(ctypes.c_void_p(page), ctypes.c_size_t(PAGE), 0)
        assert forbidden == 0, ctypes.get_errno()
    return Guarded(memory, start + PAGE + (inner - size if at_the_end else 0))


def run_guarded(graph: Graph, at_the_end: bool) -> None:
    """Run a graph of one input and one output between guards, and compare."""
    (given,), (output,) = graph.inputs, graph.outputs
    x = random_codes(given.type)
    expected = vectorized.run(graph, {given.name: x})[output]
    loaded = loading.load(graph)
    source, target = guarded(x.nbytes, at_the_end), guarded(expected.nbytes, at_the_end)
    arena = guarded(loaded.arena, at_the_end)
    source.write(x)
    loaded.call([source.address], [target.address], arena.address)
    np.testing.assert_array_equal(target.read(expected), expected)


@pytest.mark.parametrize("found", available(), ids=lambda found: found.value)
@pytest.mark.parametrize("name", SHAPES)
def test_convolutions_stay_within_their_buffers(
    name: str, found: Instructions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "host", lambda: host(found))
    for at_the_end in (False, True):
        run_guarded(convolution(SHAPES[name]), at_the_end)


ORDERED = (
    Layer(each(12), 37, 5, (2, 3), (2, 1), (1, 0, 2, 1), (1, 2), pad_value=9, zero=3),
    Layer(each(14), 70, 33, (1, 1), x=I8, zero=-7, batch=3),
    Layer(each(18), 40, 20, pads=(1, 1, 1, 1), x=I8, zero=5, pad_value=-128),
    Layer(each(11), 37, 37, groups=37, pads=(1, 1, 1, 1)),
    Layer(each(12), 5, 4),
)


@pytest.mark.parametrize("number", range(len(ORDERED)))
@pytest.mark.parametrize("found", available(), ids=lambda found: found.value)
def test_sums_in_order_stay_within_their_buffers(
    number: int, found: Instructions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "host", lambda: host(found))
    graph, _ = convolutions(ORDERED[number : number + 1])
    for at_the_end in (False, True):
        run_guarded(graph, at_the_end)


@pytest.mark.parametrize("at_the_end", [False, True])
def test_a_chain_stays_within_its_buffers(at_the_end: bool) -> None:
    run_guarded(chain(4, 16), at_the_end)


def test_the_guards_hold() -> None:
    """A byte beside the memory ends the process."""
    for place in ("address - 1", "address + 100"):
        program = (
            "import ctypes\n"
            "from tests.simulator.compiled.test_memory import guarded\n"
            f"address = guarded(100, {place.endswith('100')}).address\n"
            f"ctypes.string_at({place}, 1)\n"
        )
        ended = subprocess.run([sys.executable, "-c", program], capture_output=True)
        assert ended.returncode < 0

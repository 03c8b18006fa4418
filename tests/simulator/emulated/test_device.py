# SPDX-License-Identifier: Apache-2.0
"""Every processor computes the simulator's bits under QEMU."""

import pytest

from intaglio.compiler.ir.graph import Array, Graph
from intaglio.compiler.ir.text import parse_graph
from intaglio.compiler.ir.verify import check
from intaglio.compiler.targets.tvm.arm_machines import ARM_MACHINES
from intaglio.simulator import vectorized
from intaglio.simulator.emulated.boards import BOARDS, PACKAGES, find_tool
from intaglio.simulator.emulated.device import Device
from tests.compiler.targets.tvm.test_artifact import every_op
from tests.simulator.emulated.devices import assert_device_agrees, random_samples
from tests.simulator.engines import assert_same_tensor
from tests.simulator.text_cases import fixed_graph

pytestmark = pytest.mark.emulated

CONVOLUTION = """
%x: i8[1,5,5,3] = input from "x"
%w: i8[4,3,3,3] = constant [@weights]
%b: i32[4] = constant [900, -1, 0, 77]
%sum: i32[1,5,5,4] = conv2d(%x, %w, %b) accumulator=accumulator(type=i32) pads=[1, 1, 1, 1] \
input_zero_point=-3 pad_value=-3
%y: i8[1,5,5,4] = requantize(%sum) requantizers=[requantizer(scaling=multiply_shift(\
multiplier=1518500250, shift=38, rounding=half-toward-positive), zero_point=1, low=-128, high=127)]
""".replace("\\\n", "").replace("@weights", ", ".join(str(n * 37 % 251 - 125) for n in range(108)))


def test_every_processor_has_a_board() -> None:
    assert BOARDS.keys() == ARM_MACHINES.keys()


@pytest.mark.parametrize("target", ["aarch64", "cortex-m7", "cortex-m33", "cortex-m55"])
def test_every_op_gives_the_simulators_bits(target: str) -> None:
    graph = every_op()
    assert_device_agrees(graph, target, random_samples(graph, 3))


@pytest.mark.parametrize("target", ARM_MACHINES)
def test_a_convolution_gives_the_simulators_bits(target: str) -> None:
    graph = fixed_graph(CONVOLUTION)
    assert_device_agrees(graph, target, random_samples(graph, 20))


def _wide_results() -> Graph:
    """Products that are requantized to 16 bits, signed and unsigned, by channel and to a clamp."""
    scalings = "multiply_shift(multiplier=1234567890, shift=36, rounding=half-toward-positive)"
    ends = {"i16": "low=-32768, high=32767", "u16": "low=0, high=65535"}
    weights = ", ".join(str(n * 37 % 255 - 127) for n in range(64))
    lines = [
        "%x: i8[4,8] = input",
        "%p: i8[1,3,2,8] = input",
        f"%w: i8[8,8] = constant [{weights}]",
        f"%v: i8[8,1,1,8] = constant [{weights}]",
        f"%d: i8[8,1,1,1] = constant [{', '.join(weights.split(', ')[:8])}]",
    ]
    outputs: list[str] = []
    sums = {
        "mat_mul(%x, %w)": ("[4,8]", ""),
        "conv2d(%p, %v)": ("[1,3,2,8]", ""),
        "conv2d(%p, %d)": ("[1,3,2,8]", " groups=8"),
    }
    for kind, (shape, groups) in sums.items():
        for type, clamp in (*ends.items(), ("i16", "low=-1000, high=1000")):
            at = len(outputs)
            lines.append(f"%s{at}: i32{shape} = {kind} accumulator=accumulator(type=i32){groups}")
            one = f"requantizer(scaling={scalings}, zero_point=7, {clamp})"
            lines.append(f"%y{at}: {type}{shape} = requantize(%s{at}) requantizers=[{one}]")
            outputs.append(f"%y{at}")
    definitions = "\n".join(lines)
    graph = parse_graph(f"graph case fixed\n{definitions}\nreturn {', '.join(outputs)}\n")
    check(graph)
    return graph


@pytest.mark.parametrize("target", BOARDS)
def test_codes_of_16_bits_are_stored_whole(target: str) -> None:
    graph = _wide_results()
    assert_device_agrees(graph, target, random_samples(graph, 3))


def test_helium_averages_a_plane() -> None:
    # LLVM crashed on the vectors of int64 that it made of this loop.
    divisions = ", ".join(
        f"requantizer(scaling=multiply_shift(multiplier={(1 << shift) // count}, shift={shift}, "
        "rounding=half-toward-positive), zero_point=-128, low=-128, high=127)"
        for count in range(1, 65)
        for shift in [30 + (count - 1).bit_length()]
    )
    graph = fixed_graph(f"""
        %x: i8[1,8,8,64] = input
        %y: i8[1,1,1,64] = average_pool2d(%x) kernel=[8, 8] strides=[8, 8]
            arithmetic=requantized_sum(input_zero_point=-128, by_count=[{divisions}])
    """)
    assert_device_agrees(graph, "cortex-m55", random_samples(graph, 3))


@pytest.mark.parametrize("target", ["aarch64", "cortex-m4"])
def test_instructions_are_counted_the_same_each_time(target: str) -> None:
    graph = fixed_graph(CONVOLUTION)
    (sample,) = random_samples(graph, 1)
    with Device(graph, target) as device:
        first, second = device.count(sample), device.count(sample)
    assert first == second
    # The call, the return and the harness's loop are counted with the functions of the object.
    assert 0 < sum(first.by_function.values()) <= first.total < 200_000


def test_each_tool_has_a_package() -> None:
    for board in BOARDS.values():
        assert {f"{board.tools}gcc", f"{board.tools}nm", board.emulator[0]} <= PACKAGES.keys()
        assert find_tool(board.emulator[0]).endswith(board.emulator[0])


@pytest.mark.parametrize("target", ["aarch64", "cortex-m55"])
def test_a_traced_program_shows_each_step(target: str) -> None:
    graph = every_op()
    samples = random_samples(graph, 2)
    with Device(graph, target, traced=True) as device:
        found = device.trace(samples)
        names = [step["name"] for step in device.manifest["kernels"]]
    assert len(names) == len(set(names)) == 30
    for sample, tensors in zip(samples, found, strict=True):
        expected: dict[str, Array] = {}
        vectorized.run(graph, sample, expected.__setitem__)
        assert [*tensors] == names
        for name, tensor in tensors.items():
            assert_same_tensor(target, name, tensor, expected[name])

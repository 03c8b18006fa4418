# SPDX-License-Identifier: Apache-2.0
"""Whole networks of QONNX against qonnx, tensor by tensor, run after run."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.commands.models import load_onnx
from intaglio.compiler.ir import fixed, scaled
from intaglio.compiler.ir.graph import Array
from intaglio.numerics.scalings import Thresholds
from intaglio.simulator import vectorized
from tests.peers.qonnx.tensors import Imported, compared, imported, name_of, run_qonnx

pytestmark = [pytest.mark.peer, pytest.mark.real]

QUANTIZERS = ("Quant", "BipolarQuant")


def mnist(real_data: Path) -> tuple[Array, Array]:
    """Images as the nets take them, and their digits."""
    with np.load(real_data / "mnist" / "test_5000.npz") as file:
        images = (file["image"].reshape(-1, 1, 1, 28, 28) / 255).astype(np.float32)
        return images, file["label"]


def codes_of(model: ir.Model) -> set[str]:
    """Every tensor that a Quant computes."""
    return {node.outputs[0].name or "" for node in model.graph if node.op_type in QUANTIZERS}


def assert_every_code_equal(
    path: Path,
    ours: Imported,
    runs: Sequence[Sequence[Array]],
    elsewhere: frozenset[str] = frozenset(),
) -> None:
    """Each tensor of codes, weights included, equals qonnx's on every element."""
    result = run_qonnx(path.read_bytes(), runs)
    found = compared(ours, result, runs)
    differing = {each.tensor: each.count for each in found if each.count}
    wanted = codes_of(load_onnx(path, None))
    assert {name: count for name, count in differing.items() if name not in elsewhere} == {}
    seen = {each.tensor for each in found}
    # What is transposed or added before anything reads it is compared behind that.
    missing = wanted - seen
    readers = {
        value.name: {output.name for user in value.uses() for output in user.node.outputs}
        for node in load_onnx(path, None).graph
        for value in node.outputs
    }
    assert {name for name in missing if not readers[name] & (seen | elsewhere)} == set()


@pytest.mark.parametrize("name", ["TFC_1W1A", "TFC_2W2A"])
def test_digits(real_data: Path, name: str) -> None:
    path = real_data / "qonnx" / f"{name}.onnx"
    rng = np.random.default_rng(1)
    images, _ = mnist(real_data)
    noise = [(rng.integers(0, 256, (1, 1, 28, 28)) / 255).astype(np.float32) for _ in range(10)]
    # Quarters are ties of the first Quant.
    ties = [(rng.integers(-1, 6, (1, 1, 28, 28)) / 4).astype(np.float32) for _ in range(10)]
    runs = [[image] for image in (*images[:30], *noise, *ties)]
    assert_every_code_equal(path, imported(load_onnx(path, None)), runs)


@pytest.mark.parametrize(("name", "right"), [("TFC_1W1A", 909), ("TFC_2W2A", 956)])
def test_digits_are_recognized(real_data: Path, name: str, right: int) -> None:
    """Of the first 1,000 images; of all 5,000 in the file it is .9306 and .9662."""
    ours = imported(load_onnx(real_data / "qonnx" / f"{name}.onnx", None))
    images, labels = mnist(real_data)
    program = vectorized.Program(ours.fixed)
    (output,) = ours.fixed.outputs
    given = ours.fixed.inputs[0].name
    found = [int(program.run({given: image})[output].argmax()) for image in images[:1000]]
    assert int((np.array(found) == labels[:1000]).sum()) == right


def test_jet_tagging(real_data: Path) -> None:
    """The net takes its input in float32; on numbers of FIXED<16,6> its first sums are exact."""
    path = real_data / "qonnx" / "qkeras_jettagging.onnx"
    ours = imported(load_onnx(path, None), {"global_in": "FIXED<16,6>"})
    rng = np.random.default_rng(2)
    small = [rng.integers(-(2**11), 2**11, (1, 16)) for _ in range(40)]
    large = [rng.integers(-(2**15), 2**15, (1, 16)) for _ in range(20)]
    runs = [[(codes / 1024).astype(np.float32)] for codes in (*small, *large)]
    # Of an exponential qonnx, that is ONNX Runtime, has another last bit than the rounded value.
    softmax = frozenset({"global_out"})
    # A bias is a step behind the product, so its codes show in the Add alone, which is no tensor.
    biases = frozenset({"Add_0_out0", "Add_1_out0", "Add_2_out0", "Add_3_out0"})
    assert_every_code_equal(path, ours, runs, softmax | biases)


def test_network_intrusion(real_data: Path) -> None:
    """Scales are no powers of two: a code may differ where float32 sums decide, nowhere else."""
    path = real_data / "qonnx" / "unsw_nb15-mlp-w2a2.onnx"
    ours = imported(load_onnx(path, None))
    rng = np.random.default_rng(3)
    runs: list[list[Array]] = [
        [rng.choice(np.array([-1, 1], np.float32), (1, 600))] for _ in range(100)
    ]
    result = run_qonnx(path.read_bytes(), runs)
    codes = codes_of(load_onnx(path, None))
    found = [each for each in compared(ours, result, runs) if each.tensor in codes]
    assert len({each.tensor for each in found}) == 8
    for each in found:
        for place in np.argwhere(each.ours != each.theirs):
            assert is_tie(ours, each.tensor, runs[each.run], tuple(int(at) for at in place))


def is_tie(ours: Imported, tensor: str, feeds: Sequence[Array], place: tuple[int, ...]) -> bool:
    """Whether a float32 sum of so many products can end on the other side of a threshold."""
    node = next(node for node in ours.fixed.nodes if node.name == name_of(tensor))
    sums = ours.run(feeds)[node.operands[0]]
    reader = next(each for each in ours.scaled.nodes if each.name == name_of(tensor))
    assert isinstance(reader.op, scaled.Float32Steps)
    assert isinstance(node.op, fixed.Requantize)
    scaling = node.op.requantizers[place[-1] % len(node.op.requantizers)].scaling
    assert isinstance(scaling, Thresholds)
    nearest = min(abs(int(sums[place]) - step) for step in scaling.values)
    # 600 additions, each of which loses at most one part in 2**24 of the sum so far.
    return nearest <= 1 + Fraction(600, 2**24) * abs(int(sums[place]))

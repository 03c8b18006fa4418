# SPDX-License-Identifier: Apache-2.0
"""Every rule against what ONNX Runtime computes of values drawn from the distributions."""

import numpy as np
import onnx_ir as ir
import pytest

from intaglio.compiler.real.distributions.distributions import ChannelDistribution
from intaglio.compiler.real.distributions.propagate_distributions import propagate_distributions
from intaglio.compiler.real.statistics import write_channel_statistics
from intaglio.errors import InvalidData
from tests.compiler.real.building import Array, parse, random, run

ENDLESS = np.inf
PLAIN = ChannelDistribution.normal(np.array([0.5, -1.0, 1.5]), np.array([1.0, 2.0, 0.5]))
CLIPPED = PLAIN.clipped(0.0, 2.0)


def draw(given: ChannelDistribution, shape: tuple[int, ...], seed: int) -> Array:
    """Independent elements, channels along axis 1."""
    z = np.random.default_rng(seed).standard_normal(shape)
    along = [-1 if axis == 1 else 1 for axis in range(len(shape))]
    drawn = given.mean.reshape(along) + given.std.reshape(along) * z
    return np.clip(drawn, given.low.reshape(along), given.high.reshape(along)).astype(np.float32)


def feeds_of(model: ir.Model, given: dict[str, ChannelDistribution]) -> dict[str, Array]:
    feeds: dict[str, Array] = {}
    for seed, value in enumerate(model.graph.inputs):
        assert value.shape is not None
        dims = tuple(dim if isinstance(dim, int) else 400 for dim in value.shape)
        feeds[value.name or ""] = draw(given[value.name or ""], dims, seed)
    return feeds


def check(
    text: str,
    *inputs: ChannelDistribution,
    constants: dict[str, Array] | None = None,
    spread: float = 0.03,
) -> ChannelDistribution:
    """Mean and std of every output channel within ``spread`` stds, all elements within the ends.

    Returns the distribution of ``y``.
    """
    model = parse(text, **(constants or {}))
    given = dict(zip([value.name or "" for value in model.graph.inputs], inputs, strict=True))
    propagated = propagate_distributions(model, given)
    assert propagated.missing == {}
    for name, array in run(model, feeds_of(model, given)).items():
        found = propagated.distributions[name]
        seen = np.moveaxis(array.astype(np.float64), 1, 0).reshape(array.shape[1], -1)
        assert found.channels == len(seen)
        mean, variance = found.moments()
        std = seen.std(axis=1)
        np.testing.assert_array_less(np.abs(mean - seen.mean(axis=1)), spread * std + 1e-5)
        np.testing.assert_array_less(np.abs(np.sqrt(variance) - std), spread * std + 1e-5)
        slack = 1e-4 + 1e-5 * np.abs(seen).max()
        assert (seen.min(axis=1) >= found.low - slack).all()
        assert (seen.max(axis=1) <= found.high + slack).all()
    return propagated.distributions["y"]


HEAD = "(float[N,3,8,8] x) => (float[N,3,8,8] y)"
PAIR = "(float[N,3,8,8] x, float[N,3,8,8] z) => (float[N,3,8,8] y)"


def test_clamps_clip_exactly() -> None:
    found = check(f"{HEAD} {{ y = Relu(x) }}", PLAIN)
    assert (found.mean == PLAIN.mean).all()
    assert (found.low == 0).all()
    assert (found.high == ENDLESS).all()
    bounds = {"a": np.array(-0.5, np.float32), "b": np.array(1.5, np.float32)}
    found = check(f"{HEAD} {{ y = Clip(x, a, b) }}", PLAIN, constants=bounds)
    assert (found.low == -0.5).all()
    assert (found.high == 1.5).all()


@pytest.mark.parametrize("shape", [(), (3, 1, 1), (1, 3, 1, 1)])
def test_caps_clip_exactly(shape: tuple[int, ...]) -> None:
    cap = np.broadcast_to(
        np.array([1.0, -0.5, 2.0])[: 3 if shape else 1].reshape(shape or -1), shape or (1,)
    )
    array = cap.astype(np.float32).reshape(shape)
    expected = np.broadcast_to(array.ravel(), 3)
    found = check(f"{HEAD} {{ y = Min(x, c) }}", PLAIN, constants={"c": array})
    assert (found.high == expected).all()
    assert (found.std == PLAIN.std).all()
    found = check(f"{HEAD} {{ y = Max(c, x) }}", PLAIN, constants={"c": array})
    assert (found.low == expected).all()


@pytest.mark.parametrize("given", [PLAIN, CLIPPED], ids=["plain", "clipped"])
@pytest.mark.parametrize(
    "op", ["Add(x, c)", "Add(c, x)", "Sub(x, c)", "Sub(c, x)", "Mul(x, c)", "Mul(c, x)"]
)
def test_arithmetic_with_constants_is_exact(op: str, given: ChannelDistribution) -> None:
    constant = np.array([[[1.5]], [[-2.0]], [[0.25]]], np.float32)
    found = check(f"{HEAD} {{ y = {op} }}", given, constants={"c": constant})
    factor = np.abs(constant.ravel()) if op.startswith("Mul") else 1.0
    np.testing.assert_allclose(found.std, factor * given.std)


@pytest.mark.parametrize("given", [PLAIN, CLIPPED], ids=["plain", "clipped"])
@pytest.mark.parametrize(
    "op",
    [
        "Sigmoid(x)",
        "Tanh(x)",
        "HardSigmoid(x)",
        "HardSwish(x)",
        "Gelu(x)",
        'Gelu<approximate="tanh">(x)',
        "LeakyRelu<alpha=0.1>(x)",
        "PRelu(x, slope)",
    ],
)
def test_functions_keep_their_moments_and_ends(op: str, given: ChannelDistribution) -> None:
    slope = np.array([0.25, -0.5, 1.0], np.float32).reshape(3, 1, 1)
    constants: dict[str, Array] = {"slope": slope} if "slope" in op else {}
    found = check(f"{HEAD} {{ y = {op} }}", given, constants=constants)
    ends = {"Sigmoid": (0, 1), "Tanh": (-1, 1), "HardSigmoid": (0, 1), "HardSwish": (-0.375, None)}
    low, high = ends.get(op.partition("(")[0], (None, None))
    if given is PLAIN and low is not None:
        np.testing.assert_allclose(found.low, low, atol=1e-6)
    if given is PLAIN and high is not None:
        np.testing.assert_allclose(found.high, high, atol=1e-6)


@pytest.mark.parametrize(
    "nodes",
    [
        "s = Sigmoid(x) y = Mul(x, s)",
        "s = HardSigmoid(x) y = Mul(s, x)",
        "t = Add(x, three) r = Clip(t, zero, six) h = Mul(x, r) y = Mul(h, sixth)",
        "r = Relu(x) y = Add(x, r)",
        "y = Add(x, x)",
        "s = Tanh(x) y = Max(x, s)",
    ],
)
def test_two_functions_of_one_value_are_not_independent(nodes: str) -> None:
    constants = {"three": 3.0, "zero": 0.0, "six": 6.0, "sixth": 1 / 6}
    used = {
        name: np.array(number, np.float32) for name, number in constants.items() if name in nodes
    }
    check(f"{HEAD} {{ {nodes} }}", PLAIN, constants=used)


@pytest.mark.parametrize("op", ["Add", "Sub", "Mul"])
def test_two_values_are_independent(op: str) -> None:
    other = ChannelDistribution.normal(np.array([1.0, 0.0, -2.0]), np.array([0.5, 1.0, 1.5]))
    found = check(f"{PAIR} {{ y = {op}(x, z) }}", CLIPPED, other.clipped(-1.0, 1.0))
    if op == "Add":
        np.testing.assert_allclose(found.low, -1.0)
        np.testing.assert_allclose(found.high, 3.0)


def test_a_gate_for_each_channel_is_a_factor() -> None:
    gate = ChannelDistribution.normal(np.full(3, 0.5), np.full(3, 0.2)).clipped(0.0, 1.0)
    text = "(float[N,3,8,8] x, float[N,3,1,1] z) => (float[N,3,8,8] y) { y = Mul(x, z) }"
    check(text, CLIPPED, gate, spread=0.25)


def test_constant_channels_pass_exactly() -> None:
    constant = ChannelDistribution.normal(np.array([0.0, 2.0, -1.0]), np.array([0.0, 0.0, 0.0]))
    found = check(
        f"{PAIR} {{ a = Add(x, z) m = Mul(a, z) h = HardSwish(m) y = LeakyRelu(h) }}",
        constant, constant,
    )  # fmt: skip
    assert (found.std == 0).all()


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
def test_windows_keep_mean_and_ends(op: str) -> None:
    text = f"(float[N,3,8,8] x) => (y) {{ y = {op}<kernel_shape=[2,2], strides=[2,2]>(x) }}"
    found = propagate_distributions(parse(text), {"x": CLIPPED}).distributions["y"]
    assert found.moments()[0].tolist() == CLIPPED.moments()[0].tolist()
    assert (found.high == 2.0).all()


@pytest.mark.parametrize(
    "nodes",
    ["y = GlobalAveragePool(x)", "y = ReduceMean<keepdims=0>(x, axes)", "y = ReduceMean(x, axes)"],
)
def test_means_keep_the_mean_and_bound_the_variance(nodes: str) -> None:
    constants = {"axes": np.array([2, 3])} if "axes" in nodes else {}
    model = parse(f"(float[N,3,8,8] x) => (y) {{ {nodes} }}", **constants)
    found = propagate_distributions(model, {"x": CLIPPED}).distributions["y"]
    seen = run(model, feeds_of(model, {"x": CLIPPED}))["y"].reshape(400, 3)
    np.testing.assert_allclose(found.moments()[0], seen.mean(axis=0), atol=0.02)
    assert (found.moments()[1] >= seen.var(axis=0)).all()


def test_padding_widens_the_ends() -> None:
    text = "(float[N,3,8,8] x) => (float[N,3,10,10] y) { y = Pad(x, pads, v) }"
    pads = np.array([0, 0, 1, 1, 0, 0, 1, 1])
    above = PLAIN.clipped(1.0, 2.0)
    found = propagate_distributions(
        parse(text, pads=pads, v=np.array(-3.0, np.float32)), {"x": above}
    ).distributions["y"]
    assert (found.low == -3.0).all()
    np.testing.assert_allclose(found.moments(), above.moments(), rtol=1e-3)
    text = text.replace("[N,3,10,10]", "[N,6,8,8]")
    check(
        text,
        above,
        constants={"pads": np.array([0, 1, 0, 0, 0, 2, 0, 0]), "v": np.array(-3.0, np.float32)},
    )


@pytest.mark.parametrize(
    ("nodes", "shape"),
    [
        ("y = Concat<axis=1>(x, r)", "N,6,8,8"),
        ("y = Concat<axis=2>(x, x)", "N,3,16,8"),
        ("y = Flatten(x)", "N,192"),
        ("t = Transpose<perm=[0,2,3,1]>(x) y = Flatten(t)", "N,192"),
        ("t = Transpose<perm=[0,2,3,1]>(x) y = Transpose<perm=[0,3,1,2]>(t)", "N,3,8,8"),
        ("t = Transpose<perm=[0,2,3,1]>(x) y = Add(t, last)", "N,8,8,3"),
        ("y = Reshape(x, flat)", "N,3,64"),
        ("y = Slice(x, one, end, one)", "N,2,8,8"),
        ("y = Slice(x, minus, least, one, minus)", "N,3,8,8"),
        ("a, b = Split<axis=1>(x, sizes) y = Concat<axis=1>(b, a)", "N,3,8,8"),
        ("y = Unsqueeze(x, one)", "N,1,3,8,8"),
        ("t = Unsqueeze(x, one) y = Squeeze(t, one)", "N,3,8,8"),
        ("y = Resize(x, , scales)", "N,3,16,16"),
    ],
)  # fmt: skip
def test_moved_elements_keep_theirs(nodes: str, shape: str) -> None:
    stored = {
        "r": np.zeros(0), "flat": np.array([0, 3, 64]), "one": np.array([1]),
        "end": np.array([99]), "sizes": np.array([1, 2]), "minus": np.array([-1]),
        "least": np.array([-9]), "scales": np.array([1, 1, 2, 2], np.float32),
        "last": np.array([1.0, 2.0, 3.0], np.float32),
    }  # fmt: skip
    words = nodes.replace("(", " ").replace(")", " ").replace(",", " ").split()
    used = {name: array for name, array in stored.items() if name in words}
    if "r" in used:
        nodes, used = f"r = Relu(x) {nodes}", {}
    # 400 samples of each element of a row; 25 600 of each channel.
    spread = 0.25 if shape.endswith("192") else 0.03
    check(
        f"(float[N,3,8,8] x) => (float[{shape}] y) {{ {nodes} }}",
        CLIPPED,
        spread=spread,
        constants=used,
    )


def test_shuffled_channels_are_followed() -> None:
    four = ChannelDistribution.normal(np.array([0.0, 10.0, 20.0, 30.0]), np.ones(4))
    text = """(float[N,4,8,8] x) => (float[N,4,8,8] y) {
        a = Reshape(x, five) b = Transpose<perm=[0,2,1,3,4]>(a) y = Reshape(b, four) }"""
    found = check(
        text, four, constants={"five": np.array([0, 2, 2, 8, 8]), "four": np.array([0, 4, 8, 8])}
    )
    assert found.mean.tolist() == [0.0, 20.0, 10.0, 30.0]


@pytest.mark.parametrize(
    ("nodes", "shape", "weight"),
    [
        ("y = Conv(x, w)", "N,6,6,6", (6, 3, 3, 3)),
        ("y = Conv<group=3>(x, w)", "N,6,6,6", (6, 1, 3, 3)),
        ("y = ConvTranspose<strides=[2,2]>(x, w)", "N,5,16,16", (3, 5, 2, 2)),
        ("y = ConvTranspose<group=3, strides=[2,2]>(x, w)", "N,6,16,16", (3, 2, 2, 2)),
        ("f = Flatten(x) y = Gemm<transB=1>(f, w)", "N,5", (5, 192)),
        ("y = MatMul(x, w)", "N,3,8,5", (8, 5)),
        ("y = MatMul(w, x)", "N,3,5,8", (5, 8)),
    ],
)
def test_products_have_the_moments_of_independent_elements(
    nodes: str, shape: str, weight: tuple[int, ...]
) -> None:
    check(
        f"(float[N,3,8,8] x) => (float[{shape}] y) {{ {nodes} }}",
        CLIPPED, spread=0.12, constants={"w": random(4, *weight)},
    )  # fmt: skip


def test_padding_only_widens_the_ends_of_a_convolution() -> None:
    above = ChannelDistribution.normal(np.array([5.0]), np.array([1.0])).clipped(4.0, 6.0)
    text = """(float[N,1,8,8] x) => (float[N,1,8,8] y) { y = Conv<pads=[1,1,1,1]>(x, w) }"""
    found = propagate_distributions(
        parse(text, w=np.ones((1, 1, 3, 3), np.float32)), {"x": above}
    ).distributions["y"]
    assert found.low.tolist() == [0.0]
    assert found.high.tolist() == [54.0]
    np.testing.assert_allclose(found.moments()[0], 45.0)


def test_noted_statistics_win() -> None:
    model = parse(
        "(float[N,3,8,8] x) => (float[N,2,8,8] y) { c = Conv(x, w) y = Relu(c) }",
        w=random(1, 2, 3, 1, 1),
    )
    noted = next(node for node in model.graph).outputs[0]
    write_channel_statistics(noted, np.array([1.0, -1.0]), np.array([2.0, 0.0]))
    propagated = propagate_distributions(model)
    assert list(propagated.missing) == ["x"]
    found = propagated.distributions["y"]
    assert found.mean.tolist() == [1.0, -1.0]
    assert found.low.tolist() == [0.0, 0.0]


def test_what_is_missing_is_said_with_its_reason() -> None:
    model = parse(
        """(float[N,3] x, float[N,3] z) => (y) {
            s = Softmax(x) r = Relu(s) m = Max(x, z) y = Add(r, m) }"""
    )
    missing = propagate_distributions(model, {"x": PLAIN, "z": PLAIN}).missing
    assert missing == {
        "s": "node s (Softmax): there is no rule for this operator",
        "r": "behind node s (Softmax): there is no rule for this operator",
        "m": "node m (Max) chooses between two computed values",
        "y": "behind node s (Softmax): there is no rule for this operator",
    }


def test_an_input_of_other_channels_is_refused() -> None:
    model = parse(f"{HEAD} {{ y = Relu(x) }}")
    with pytest.raises(InvalidData, match=r"input x: found 2 channels"):
        propagate_distributions(model, {"x": ChannelDistribution.normal(np.zeros(2), np.ones(2))})


def test_the_channels_of_an_input_may_be_last() -> None:
    model = parse("(float[N,8,8,3] x) => (y) { y = Transpose<perm=[0,3,1,2]>(x) }")
    found = propagate_distributions(model, {"x": CLIPPED}).distributions
    assert found["y"].mean.tolist() == CLIPPED.mean.tolist()
    assert found["x"].channels == 8


def test_too_many_products_in_a_row_are_unknown() -> None:
    model = parse(
        """(float[N,3,8,8] x) => (y) {
            a = Conv(x, w) r = Relu(a) b = Conv(r, w) c = Conv(b, w) y = Conv(c, w) }""",
        w=random(1, 3, 3, 1, 1),
    )
    missing = propagate_distributions(model, {"x": PLAIN}).missing
    said = "node y (Conv): it and the 3 linear operations before it have no noted statistics"
    assert missing == {"y": said}
    assert list(propagate_distributions(model, {"x": PLAIN}, products=1).missing) == ["b", "c", "y"]
    noted = next(value for node in model.graph for value in node.outputs if value.name == "b")
    write_channel_statistics(noted, np.zeros(3), np.ones(3))
    assert propagate_distributions(model, {"x": PLAIN}, products=2).missing == {}

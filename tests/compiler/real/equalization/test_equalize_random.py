# SPDX-License-Identifier: Apache-2.0
"""Networks at random: whatever is equalized and absorbed, the function stays the same."""

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intaglio.compiler.real.clips.per_channel_caps import per_channel_caps
from intaglio.compiler.real.clips.restore_clips import restore_clips
from intaglio.compiler.real.equalization.equalization_options import EqualizationOptions
from intaglio.compiler.real.equalization.equalize import equalize_layers
from intaglio.compiler.real.normalization.normalize import normalize
from tests.compiler.real.building import Array, assert_same_function, parse, random

UNARY = (
    "Relu({x})",
    "Clip({x}, zero, six)",
    "Clip({x}, low, six)",
    "LeakyRelu<alpha=0.3>({x})",
    "PRelu({x}, slopes)",
    "Sigmoid({x})",
    "HardSwish({x})",
    "Mul({x}, vector)",
    "Add({x}, vector)",
    "Max({x}, low)",
    "Min({x}, vector)",
    "MaxPool<kernel_shape=[3,3], pads=[1,1,1,1]>({x})",
    "AveragePool<kernel_shape=[3,3], pads=[1,1,1,1]>({x})",
    "GlobalAveragePool({x})",
    "Transpose<perm=[0,1,3,2]>({x})",
)
BINARY = ("Add", "Sub", "Max", "Min", "Mul")
LAYERS = (
    ("Conv({x}, {w}, {b})", (4, 4, 1, 1)),
    ("Conv<pads=[1,1,1,1]>({x}, {w}, {b})", (4, 4, 3, 3)),
    ("Conv<group=4, pads=[1,1,1,1]>({x}, {w}, {b})", (4, 1, 3, 3)),
    ("Conv<group=2>({x}, {w}, {b})", (4, 2, 1, 1)),
    ("ConvTranspose({x}, {w}, {b})", (4, 4, 1, 1)),
)
JOINS = (
    ("Concat<axis=1>({x}, {z})", "Conv({c}, {w}, {b})", (4, 8, 1, 1)),
    ("Concat<axis=1>({x}, {z})", "Conv<group=4>({c}, {w}, {b})", (4, 2, 1, 1)),
)


@dataclass
class Growth:
    """A network that grows node by node; every value has 4 channels."""

    draw: st.DrawFn
    lines: list[str] = field(default_factory=list[str])
    constants: dict[str, Array] = field(default_factory=dict[str, Array])
    small: set[str] = field(default_factory=set[str])
    values: list[str] = field(default_factory=lambda: ["x"])

    def pick(self) -> str:
        return self.draw(st.sampled_from(self.values[-4:]))

    def add(self, expression: str, *, small: bool) -> str:
        name = f"v{len(self.lines)}"
        self.lines.append(f"{name} = {expression}")
        if small:
            self.small.add(name)
        return name

    def layer(self, expression: str, shape: tuple[int, ...], small: bool, **names: str) -> str:
        number = len(self.lines)
        spread = np.exp(2 * random(number + 500, shape[0], *[1] * (len(shape) - 1)))
        fan = np.sqrt(np.prod(shape[1:]))
        self.constants[f"w{number}"] = (random(number, *shape) * spread / fan).astype(np.float32)
        self.constants[f"b{number}"] = random(number + 900, 4)
        text = expression.format(w=f"w{number}", b=f"b{number}", **names)
        return self.add(text, small=small)

    def step(self) -> None:
        kind, x = self.draw(st.integers(0, 5)), self.pick()
        if kind <= 1:
            op, shape = self.draw(st.sampled_from(LAYERS))
            self.values.append(self.layer(op, shape, x in self.small, x=x))
        elif kind <= 3:
            op = self.draw(st.sampled_from(UNARY))
            small = x in self.small or op.startswith("Global")
            self.values.append(self.add(op.format(x=x), small=small))
        elif kind == 4:
            z = self.pick()
            op = self.draw(st.sampled_from(BINARY))
            small = x in self.small and z in self.small
            self.values.append(self.add(f"{op}({x}, {z})", small=small))
        else:
            z = self.pick()
            if (x in self.small) == (z in self.small):
                join, op, shape = self.draw(st.sampled_from(JOINS))
                joined = self.add(join.format(x=x, z=z), small=False)
                self.values.append(self.layer(op, shape, x in self.small, c=joined))


@st.composite
def networks(draw: st.DrawFn) -> ir.Model:
    grow = Growth(draw)
    grow.values.append(grow.layer(*LAYERS[0], small=False, x="x"))
    for _ in range(draw(st.integers(3, 10))):
        grow.step()
    last = grow.layer(*LAYERS[0], small=False, x=grow.values[-1])
    text = " ".join(grow.lines).replace(f"{last} =", "y =")
    constants = {
        "zero": np.array(0, np.float32), "low": np.array(-0.4, np.float32),
        "six": np.array(0.6, np.float32), "slopes": random(1, 4, 1, 1),
        "vector": random(2, 1, 4, 1, 1),
    }  # fmt: skip
    words = text.replace("(", " ").replace(")", " ").replace(",", " ").split()
    used = {name: array for name, array in constants.items() if name in words}
    return normalize(parse(f"(float[N,4,5,5] x) => (y) {{ {text} }}", **used, **grow.constants))


@settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(model=networks())
def test_equalization_keeps_random_networks(model: ir.Model) -> None:
    capped = per_channel_caps(model).model
    assert_same_function(model, capped, tolerance=1e-6)
    assert_same_function(model, restore_clips(capped).model, tolerance=1e-6)
    equalized = equalize_layers(capped, EqualizationOptions(sweeps=5))
    assert_same_function(model, equalized.model, tolerance=1e-4)

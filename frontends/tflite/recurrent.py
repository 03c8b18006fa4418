# SPDX-License-Identifier: Apache-2.0
"""UNIDIRECTIONAL_SEQUENCE_LSTM: its state becomes inputs and outputs of the graph."""

from collections.abc import Mapping, Sequence

import numpy as np

from intaglio.compiler.ir import scaled
from intaglio.compiler.ir.types import Quantization, TensorType
from intaglio.frontends.constraints import expects
from intaglio.frontends.refusal import Refusal
from intaglio.frontends.tflite.expectations import codes_of, constant, result_in
from intaglio.frontends.tflite.site import Site, same_codes
from intaglio.frontends.tflite.tensors import type_of
from intaglio.frontends.tflite.values import Computed, Known, Stored
from intaglio.numerics import float32
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

MOST_STEPS = 4096
_INT16, _INT32 = IntType(16, signed=True), IntType(32, signed=True)
_GATES = {"input": (1, 5, 12), "forget": (2, 6, 13), "cell": (3, 7, 14), "output": (4, 8, 15)}
"""Of each gate: the operands that are its weights, recurrent weights and bias."""
_HIDDEN, _CELL = 18, 19
_EXTRAS = {
    "weights from the cell to its gates": (9, 10, 11),
    "a projection": (16, 17),
    "layer normalization": (20, 21, 22, 23),
}
_NO_ACTIVATION, _TANH = 0, 4


def _power(exponent: int) -> Quantization:
    return Quantization((Float32.from_value(2.0**exponent),), (0,), None)


_GATE_INPUT, _GATE_OUTPUT = _power(-12), _power(-15)


@expects("an LSTM without peepholes, projection and layer normalization")
def PLAIN_CELL(site: Site) -> str | None:
    """The optional parts are left out, and no gate is."""
    for what, indices in _EXTRAS.items():
        if any(site.optional(index) is not None for index in indices):
            return f"has {what}"
    for name, parts in _GATES.items():
        if any(site.optional(index) is None for index in parts[:2]):
            return f"leaves out the {name} gate"
    return None


@expects("the activation TANH")
def TANH_CELL(site: Site) -> str | None:
    """The cell's function."""
    found = site.integer("FusedActivationFunction")
    return None if found == _TANH else f"has the activation number {found}"


@expects("a hidden state with the result's scale, and a cell of 16 bits with a power of two")
def STATES(site: Site) -> str | None:
    """The kernel's shifts ask for it."""
    hidden, cell = site.codes(_HIDDEN), site.codes(_CELL)
    result = site.result_type.quantization
    inner = [type_of(t, (1,)).quantization for t in site.intermediates if t.kind == "INT8"]
    if not all(same_codes(hidden.type.quantization, each) for each in (result, *inner)):
        return f"has a hidden state {hidden.label} of another scale than its result"
    scale = cell.type.scaled.scale.fraction
    power = scale.numerator == 1 and scale.denominator & (scale.denominator - 1) == 0
    if cell.type.element != _INT16 or cell.type.scaled.zero_point or not power:
        return f"has a cell state {cell.label} of {cell.type.element} with scale {scale}"
    return None


@expects(f"at most {MOST_STEPS} steps")
def FEW_STEPS(site: Site) -> str | None:
    """Every step becomes nodes of its own."""
    shape = site.codes(0).type.shape
    if len(shape) != 3:
        return f"reads shape {list(shape)}"
    steps = shape[0 if site.flag("TimeMajor") else 1]
    return f"has {steps} steps" if steps > MOST_STEPS else None


@expects("weights in i8 with one scale")
def CELL_WEIGHTS(site: Site) -> str | None:
    """All eight matrices."""
    for parts in _GATES.values():
        for index in parts[:2]:
            w = site.codes(index)
            if str(w.type.element) != "i8" or not isinstance(w, Stored) or len(w.type.shape) != 2:
                return f"has the weights {w.label} of type {w.type.element}"
    return None


LSTM = (
    PLAIN_CELL,
    TANH_CELL,
    codes_of(0, ("i8",)),
    codes_of(_HIDDEN, ("i8",)),
    codes_of(_CELL, ("i16",)),
    result_in(("i8",)),
    STATES,
    FEW_STEPS,
    CELL_WEIGHTS,
    *(constant(parts[2], f"bias of the {name} gate") for name, parts in _GATES.items()),
)


def lstm(site: Site) -> Computed:
    """Steps one after another; what the gates read of the input is computed for all at once."""
    x, hidden, cell = site.codes(0), site.codes(_HIDDEN), site.codes(_CELL)
    major = site.flag("TimeMajor")
    batch, steps = x.type.shape[1 if major else 0], x.type.shape[0 if major else 1]
    rows = reshaped(site, "rows", x, (batch * steps, x.type.shape[2]))
    units = hidden.type.shape[-1]
    given: dict[str, Computed] = {}
    for name, (weights, _, bias) in _GATES.items():
        w = _matrix(site.codes(weights))
        operands: tuple[Known, ...] = (rows, w, *bias_of(site.optional(bias), rows, w, units))
        type = TensorType(_INT16, (batch * steps, units), _GATE_INPUT)
        product = site.step(f"{name}.input", _dense(), operands, type)
        shape = (steps, batch, units) if major else (batch, steps, units)
        given[name] = reshaped(site, f"{name}.input.rows", product, shape)
    outputs: list[Known] = []
    for step in range(steps):
        now = {
            name: _at(site, f"{name}.{step}", value, 0 if major else 1, step)
            for name, value in given.items()
        }
        hidden, cell = _step(site, step, now, hidden, cell)
        shape = (1, batch, units) if major else (batch, 1, units)
        outputs.append(reshaped(site, f"row.{step}", hidden, shape))
    keep_state(site, _HIDDEN, hidden)
    keep_state(site, _CELL, cell)
    return site.emit(scaled.Concat(0 if major else 1), outputs)


def _step(
    site: Site, step: int, given: Mapping[str, Known], hidden: Known, cell: Known
) -> tuple[Computed, Computed]:
    """The hidden state and the cell after one step."""

    def gate(name: str) -> Computed:
        _, index, _ = _GATES[name]
        w = _matrix(site.codes(index))
        shape = given[name].type.shape
        # Not saturated yet: LiteRT adds before it saturates.
        wide = TensorType(_INT32, shape, _GATE_INPUT)
        recurrent = site.step(f"{name}.recurrent.{step}", _dense(), (hidden, w), wide)
        type = TensorType(_INT16, shape, _GATE_INPUT)
        add = scaled.Add(recurrent=True)
        total = site.step(f"{name}.sum.{step}", add, (given[name], recurrent), type)
        kind = scaled.UnaryFunction.TANH if name == "cell" else scaled.UnaryFunction.SIGMOID
        return _function(site, f"{name}.gate.{step}", kind, total)

    multiply = scaled.Multiply(recurrent=True)
    kept = site.step(f"kept.{step}", multiply, (gate("forget"), cell), cell.type)
    new = site.step(f"new.{step}", multiply, (gate("input"), gate("cell")), cell.type)
    add = scaled.Add(_cell_clip(site, cell), recurrent=True)
    cell = site.step(f"cell.{step}", add, (kept, new), cell.type)
    shown = _function(site, f"shown.{step}", scaled.UnaryFunction.TANH, cell)
    result = site.step(f"hidden.{step}", multiply, (gate("output"), shown), hidden.type)
    return result, cell


def _function(site: Site, suffix: str, kind: scaled.UnaryFunction, x: Known) -> Computed:
    type = TensorType(_INT16, x.type.shape, _GATE_OUTPUT)
    return site.step(suffix, scaled.Unary(kind, recurrent=True), (x,), type)


def _dense() -> scaled.FullyConnected:
    return scaled.FullyConnected(recurrent=True)


def _cell_clip(site: Site, cell: Known) -> scaled.Clip:
    """The bounds ±trunc(clip / scale), an int16."""
    clip = site.number("CellClip")
    if clip <= 0:
        return scaled.UNBOUNDED
    scale = cell.type.scaled.scale
    code = min(int(np.float32(clip) / np.float32(scale.value)), _INT16.maximum)
    bound = float32.multiply(float32.from_integer(code), scale)
    return scaled.Clip((float32.negate(bound),), (bound,))


def _matrix(w: Known) -> Stored:
    """Weights ``[N, K]`` as ``[K, N]``."""
    assert isinstance(w, Stored)
    array = np.ascontiguousarray(w.array.T)
    return Stored(array, w.type.with_shape(array.shape), w.label)


def bias_of(bias: Known | None, x: Known, w: Stored, units: int) -> tuple[Stored, ...]:
    """The bias in the scale of x times that of w, or nothing."""
    if bias is None:
        return ()
    if not isinstance(bias, Stored) or bias.type.element != _INT32 or bias.type.size != units:
        raise Refusal(f"has a bias {bias.label} that is no constant of {units} int32")
    product = float32.multiply(x.type.scaled.scale, w.type.scaled.scale)
    type = TensorType(_INT32, (units,), Quantization((product,), (0,), None))
    return (Stored(bias.array.reshape(units), type, bias.label),)


def reshaped(site: Site, suffix: str, x: Known, shape: Sequence[int]) -> Computed:
    """The same elements in another shape."""
    return site.step(suffix, scaled.Reshape(), (x,), x.type, tuple(shape))


def _at(site: Site, suffix: str, x: Known, axis: int, index: int) -> Computed:
    """One step of ``x`` along ``axis``, which goes away."""
    shape = list(x.type.shape)
    starts = [0] * len(shape)
    starts[axis], shape[axis] = index, 1
    op = scaled.Slice(tuple(starts), (1,) * len(shape))
    part = site.step(f"{suffix}.slice", op, (x,), x.type, tuple(shape))
    del shape[axis]
    return reshaped(site, suffix, part, shape)


def keep_state(site: Site, index: int, value: Known) -> None:
    """What a variable holds when the operator has run."""
    assert isinstance(value, Computed)
    site.emitter.states[site.codes(index).label] = value

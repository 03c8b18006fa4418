# SPDX-License-Identifier: Apache-2.0
"""Models of one operator, run by the executor and by ONNX Runtime."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir
import torch
from numpy.typing import NDArray

from intaglio.compiler.synthesis.graph_module import GraphModule
from tests.compiler.real.building import Array, parse, random_feeds, run

TOLERANCE = 1e-5

Attribute = int | float | str | Sequence[int]


def attributes(values: Mapping[str, Attribute]) -> str:
    """Attributes in ONNX's text form."""
    written = ", ".join(f"{name} = {_attribute(value)}" for name, value in values.items())
    return f"<{written}>" if written else ""


def _attribute(value: Attribute) -> str:
    match value:
        case str():
            return f'"{value}"'
        case int() | float():
            return repr(value)
        case _:
            return f"[{', '.join(map(str, value))}]"


def one_node(
    op: str,
    shape: Sequence[int | str],
    given: Mapping[str, Attribute] | None = None,
    constants: Mapping[str, Array] | None = None,
    *,
    operands: Sequence[str] = (),
    outputs: Sequence[str] = ("y",),
) -> ir.Model:
    """A model of one node, whose inputs are ``x`` and then constants (or ``operands``) in order.

    An operand "" is left out.
    """
    dims = ", ".join(map(str, shape))
    inputs = ", ".join(("x", *(operands or constants or ())))
    results = ", ".join(outputs)
    declared = ", ".join(f"float[] {name}" for name in outputs)
    body = f"{{ [sole] {results} = {op} {attributes(given or {})} ({inputs}) }}"
    return parse(f"(float[{dims}] x) => ({declared}) {body}", **(constants or {}))


def tensors(feeds: Mapping[str, Array], device: str = "cpu") -> dict[str, torch.Tensor]:
    """Arrays as tensors."""
    return {name: torch.tensor(array, device=device) for name, array in feeds.items()}


def assert_as_onnx_runtime(
    model: ir.Model, feeds: Mapping[str, Array] | None = None, device: str = "cpu"
) -> None:
    """Equal outputs, each within ``TOLERANCE`` of its largest magnitude."""
    fed = dict(feeds) if feeds is not None else random_feeds(model, batch=3)
    expected = run(model, fed, optimize=False)
    found: dict[str, torch.Tensor] = GraphModule(model).to(device)(tensors(fed, device))
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert tuple(found[name].shape) == array.shape, name
        _assert_close(found[name].cpu().numpy(), array)


def _assert_close(found: NDArray[np.float32], expected: Array) -> None:
    scale = max(float(np.abs(expected).max(initial=0)), 1e-3)
    assert float(np.abs(found - expected).max(initial=0)) <= TOLERANCE * scale


def assert_gradients(
    model: ir.Model, feeds: Mapping[str, Array] | None = None, *, fast: bool = False
) -> None:
    """Gradients to every input are those of finite differences, in float64.

    Along one random direction if ``fast``.
    """
    fed = dict(feeds) if feeds is not None else random_feeds(model, batch=2)
    module = GraphModule(model).double()
    names = list(fed)

    def function(*points: torch.Tensor) -> tuple[torch.Tensor, ...]:
        results: dict[str, torch.Tensor] = module(dict(zip(names, points, strict=True)))
        return tuple(results.values())

    points = [torch.tensor(fed[name], dtype=torch.float64, requires_grad=True) for name in names]
    assert torch.autograd.gradcheck(function, points, fast_mode=fast)

# SPDX-License-Identifier: Apache-2.0
"""From text to a graph.  What the graph means is not checked here, but by ``check``."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np

from intaglio.compiler.ir.graph import Array, Constant, Graph, Input, Level, Node
from intaglio.compiler.ir.text.attributes import AttributeReader
from intaglio.compiler.ir.text.kinds import op_classes
from intaglio.compiler.ir.text.printing import array_hash
from intaglio.compiler.ir.text.tokens import Tokens
from intaglio.compiler.ir.types import FLOAT32, Quantization, TensorType
from intaglio.numerics.float32 import Float32
from intaglio.numerics.integers import IntType

LARGEST_EXTENT = (1 << 31) - 1
HIGHEST_RANK = 16

_NO_CONSTANTS: Mapping[str, Array] = MappingProxyType({})


def parse_graph(text: str, constants: Mapping[str, Array] = _NO_CONSTANTS) -> Graph:
    """Read what ``print_graph`` writes; white space and ``#`` or ``//`` comments are free.

    Args:
        text: the text form of one graph.
        constants: the arrays, by value name, of the constants that the text gives by hash.

    Raises:
        InvalidText: the text isn't a graph, or an array isn't the one that the text names.
    """
    return _Parser(text, constants).graph()


class _Parser:
    """One text's parser: recursive descent over one token of lookahead."""

    def __init__(self, text: str, constants: Mapping[str, Array]) -> None:
        self._tokens = Tokens(text)
        self._reader = AttributeReader(self._tokens)
        self._constants = constants
        self._inputs: list[Input] = []
        self._bound: list[Constant] = []
        self._nodes: list[Node] = []

    def graph(self) -> Graph:
        tokens = self._tokens
        tokens.take("graph")
        name = self._graph_name()
        level = self._level()
        profile = ""
        if tokens.skip("profile"):
            tokens.take("=")
            profile = tokens.take_string("the profile's name in quotes")
        while tokens.kind == "value":
            self._definition(level)
        outputs, quantizations, sources = self._outputs()
        return Graph(
            name=name,
            level=level,
            inputs=tuple(self._inputs),
            constants=tuple(self._bound),
            nodes=tuple(self._nodes),
            outputs=outputs,
            output_sources=sources,
            output_quantizations=quantizations if any(quantizations) else (),
            profile=profile,
        )

    def _graph_name(self) -> str:
        tokens = self._tokens
        if tokens.kind == "string":
            return tokens.take_string("the graph's name")
        return tokens.take_kind("word", "the graph's name")

    def _level(self) -> Level:
        levels = {level.value: level for level in Level}
        if self._tokens.text not in levels:
            self._tokens.fail(" or ".join(levels))
        return levels[self._tokens.advance()]

    def _definition(self, level: Level) -> None:
        """``%name: type = input``, or ``constant …``, or an op; each with its source."""
        tokens = self._tokens
        name = self._value_name()
        tokens.take(":")
        type = self._type()
        tokens.take("=")
        if tokens.skip("input"):
            self._inputs.append(Input(name, type, self._source(name)))
        elif tokens.skip("constant"):
            array = self._array(name, type)
            self._bound.append(Constant(name, type, array, self._source(name)))
        else:
            kind = op_classes(level).get(tokens.text)
            if kind is None:
                tokens.fail(f"input, constant or an op of the {level.value} level")
            tokens.advance()
            operands = tuple(self._reader.items(self._value_name, "(", ")"))
            op = self._reader.fields(kind)
            self._nodes.append(Node(name, type, op, operands, self._source(name)))

    def _value_name(self) -> str:
        return self._tokens.take_kind("value", "a value such as %name")[1:]

    def _source(self, name: str) -> str:
        if not self._tokens.skip("from"):
            return name
        return self._tokens.take_string("the source's name in quotes")

    def _type(self) -> TensorType:
        tokens = self._tokens
        element = FLOAT32 if tokens.skip("f32") else self._reader.integer_type()
        shape = tuple(self._reader.items(self._extent))
        if len(shape) > HIGHEST_RANK:
            tokens.fail(f"a shape of at most {HIGHEST_RANK} dimensions", f"{len(shape)} dimensions")
        return TensorType(element, shape, self._quantization() if tokens.at("{") else None)

    def _extent(self) -> int:
        tokens = self._tokens
        if not (tokens.text.isdecimal() and 1 <= int(tokens.text[:11]) <= LARGEST_EXTENT):
            tokens.fail(f"an extent of 1 to {LARGEST_EXTENT}")
        return tokens.take_integer()

    def _quantization(self) -> Quantization:
        """``{axis=0, scale=…, zero_point=…}``; one value stands for a row of one."""
        tokens, axis = self._tokens, None
        tokens.take("{")
        if tokens.skip("axis"):
            tokens.take("=")
            axis = tokens.take_integer()
            tokens.take(",")
        tokens.take("scale")
        tokens.take("=")
        scales = self._reader.one_or_more(self._reader.float32)
        zero_points: tuple[int, ...] = (0,)
        if tokens.skip(","):
            tokens.take("zero_point")
            tokens.take("=")
            zero_points = self._reader.one_or_more(tokens.take_integer)
        tokens.take("}")
        return Quantization(scales, zero_points, axis)

    def _array(self, name: str, type: TensorType) -> Array:
        tokens = self._tokens
        if tokens.kind == "hash":
            return self._given_array(name, type)
        start = tokens.position
        dtype = np.dtype(np.float32)
        if isinstance(type.element, IntType):
            dtype = type.element.dtype
            values = self._reader.items(self._integer_of(type.element))
            array: Array = np.array(values, dtype=dtype)
        else:
            floats = self._reader.items(lambda: self._reader.decimal(Float32))
            array = np.array([each.bits for each in floats], dtype=np.uint32).view(dtype)
        if array.size != type.size:
            tokens.fail(f"{type.size} values", f"{array.size} values for %{name}", start)
        return array.reshape(type.shape)

    def _integer_of(self, element: IntType) -> Callable[[], int]:
        """A reader of integers that the array can hold; whether the type can, ``check`` says."""
        word = IntType(8 * element.dtype.itemsize, element.signed)

        def read() -> int:
            value = self._tokens.take_integer()
            if not word.contains(value):
                self._tokens.fail(f"an integer that {word} holds", f"{value}")
            return value

        return read

    def _given_array(self, name: str, type: TensorType) -> Array:
        """The array from outside of the text, if it is the one that the text means."""
        tokens = self._tokens
        array = self._constants.get(name)
        if array is None:
            tokens.fail(f"an array for %{name} among the constants", "none")
        element = type.element
        dtype = element.dtype if isinstance(element, IntType) else np.dtype(np.float32)
        if array.dtype != dtype or array.shape != type.shape:
            found = f"an array of {array.dtype} and shape {list(array.shape)} for %{name}"
            tokens.fail(f"{dtype} and shape {list(type.shape)}", found)
        actual = f"sha256:{array_hash(array)}"
        if actual != tokens.text:
            tokens.fail(f"an array with {tokens.text}", f"one with {actual} for %{name}")
        tokens.advance()
        return array

    def _outputs(
        self,
    ) -> tuple[tuple[str, ...], tuple[Quantization | None, ...], tuple[str, ...]]:
        """``return %a as "A", %b{scale=…} as "B"``: all have a source's name, or none."""
        tokens = self._tokens
        if not tokens.skip("return"):
            tokens.fail("a definition such as %name: i8[1] = …, or return")
        outputs: list[str] = []
        quantizations: list[Quantization | None] = []
        sources: list[str] = []
        while tokens.kind == "value":
            outputs.append(self._value_name())
            quantizations.append(self._quantization() if tokens.at("{") else None)
            if tokens.skip("as"):
                sources.append(tokens.take_string("the output's name in quotes"))
            if len(sources) not in (0, len(outputs)):
                tokens.fail('as "name" after every output, or after none')
            if not tokens.skip(","):
                break
        if tokens.kind != "end":
            tokens.fail("the end of the text")
        return tuple(outputs), tuple(quantizations), tuple(sources)

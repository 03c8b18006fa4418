# SPDX-License-Identifier: Apache-2.0
"""Scalar expressions of TIR as C99, without undefined behaviour where TIR has none.

TIR's sums and products of signed integers don't overflow, as LLVM is told too.  A shift to the left
may, and is one of unsigned integers here.
"""

from collections.abc import Mapping, Sequence

from intaglio.compiler.targets.c_source.literals import WIDE, c_type, floating, integer
from intaglio.compiler.targets.tvm.function import element_type
from intaglio.compiler.targets.tvm.library import Expression, tvm

_INFIX = {
    "Add": "+",
    "Sub": "-",
    "Mul": "*",
    "Div": "/",
    "Mod": "%",
    "EQ": "==",
    "NE": "!=",
    "LT": "<",
    "LE": "<=",
    "GT": ">",
    "GE": ">=",
    "And": "&&",
    "Or": "||",
    "BitwiseAnd": "&",
    "BitwiseOr": "|",
    "BitwiseXor": "^",
    "RShift": ">>",
}
_NARROW = ("int8", "uint8", "int16", "uint16")

_WIDE_CALLS = {
    "Add": "wide_add({a}, {b})",
    "Sub": "wide_subtract({a}, {b})",
    "Mul": "wide_multiply({a}, {b})",
    "BitwiseAnd": "wide_and({a}, {b})",
    "BitwiseOr": "wide_or({a}, {b})",
    "LShift": "wide_left({a}, {b})",
    "RShift": "wide_right({a}, {b})",
    "EQ": "wide_equal({a}, {b})",
    "NE": "(!wide_equal({a}, {b}))",
    "LT": "wide_less({a}, {b})",
    "LE": "(!wide_less({b}, {a}))",
    "GT": "wide_less({b}, {a})",
    "GE": "(!wide_less({a}, {b}))",
}

_INTRINSICS = {
    "llvm.arithmetic.fence": "rounded",
    "llvm.trunc": "trunc",
    "llvm.floor": "floor",
    "llvm.ceil": "ceil",
    "llvm.fabs": "fabs",
    "llvm.roundeven": "roundeven",
    "llvm.fma": "fma",
}


def _family(dtype: str) -> str:
    """What the helpers for a type are called after."""
    named = {"float32": "float", "float64": "double", WIDE: "wide", "int64": "int64"}
    return named.get(dtype, "int32")


def bare(text: str) -> str:
    """The text without parentheses around all of it."""
    if not (text.startswith("(") and text.endswith(")")):
        return text
    depth = 0
    for place, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and place < len(text) - 1:
            return text
    return text[1:-1]


class Expressions:
    """A printer of expressions, which knows the names of arrays and notes what is called."""

    def __init__(self, cells: frozenset[str], names: Mapping[str, str]) -> None:
        """Start without calls.

        Args:
            cells: the arrays of one element that are variables in C.
            names: what C calls the other arrays.
        """
        self._cells, self._names = cells, names
        self.called: set[str] = set()

    def element(self, array: str, indices: Sequence[Expression]) -> str:
        """``array[index]``, or the variable."""
        if array in self._cells:
            return array
        (place,) = indices
        return f"{self._names[array]}[{bare(self.text(place))}]"

    def text(self, node: Expression) -> str:
        """An expression of C; in parentheses where it has an operator."""
        kind = type(node).__name__
        match kind:
            case "IntImm":
                return self._noted(integer(int(node.value), element_type(node)))
            case "FloatImm":
                return floating(float(node.value), element_type(node))
            case "Var":
                return str(node.name)
            case "TensorLoad":
                return self.element(str(node.source.name), list(node.indices))
            case "Cast":
                return self._cast(node)
            case "Select":
                return self._choice(node.condition, node.true_value, node.false_value)
            case "Not":
                return f"(!{self.text(node.a)})"
            case "Min" | "Max":
                return self._extreme(kind, node)
            case "LShift":
                return self._left(node)
            case "Call":
                return self._call(node)
            case _ if kind in _INFIX:
                return self._infix(kind, node)
            case _:
                raise TypeError(f"{kind} has no form in C")

    def _noted(self, text: str) -> str:
        """The text of a call of a helper, noted; any other text as it is."""
        name = text.lstrip("(!").partition("(")[0]
        if name.startswith("wide_"):
            self.called.add(name)
        return text

    def _infix(self, kind: str, node: Expression) -> str:
        a, b = self.text(node.a), self.text(node.b)
        if element_type(node.a) == WIDE:
            return self._noted(_WIDE_CALLS[kind].format(a=a, b=b))
        text = f"({a} {_INFIX[kind]} {b})"
        dtype = element_type(node)
        return f"(({c_type(dtype)}){text})" if dtype in _NARROW else text

    def _left(self, node: Expression) -> str:
        a, b, dtype = self.text(node.a), self.text(node.b), element_type(node)
        if dtype == WIDE:
            return self._noted(_WIDE_CALLS["LShift"].format(a=a, b=b))
        unsigned = "uint64_t" if dtype.endswith("64") else "uint32_t"
        return f"(({c_type(dtype)})(({unsigned}){a} << {b}))"

    def _extreme(self, kind: str, node: Expression) -> str:
        name = f"{'minimum' if kind == 'Min' else 'maximum'}_{_family(element_type(node))}"
        return self._helper(name, [node.a, node.b])

    def _cast(self, node: Expression) -> str:
        value, to, given = self.text(node.value), element_type(node), element_type(node.value)
        if to == given:
            return value
        if to == WIDE:
            unsigned = given == "uint64"
            return self._noted(f"wide_of_words({value}, 0)" if unsigned else f"wide_of({value})")
        if given == WIDE:
            return f"(({c_type(to)}){value}.low)"
        return f"(({c_type(to)}){value})"

    def _choice(self, condition: Expression, positive: Expression, negative: Expression) -> str:
        chosen = f"{self.text(positive)} : {self.text(negative)}"
        return f"({self.text(condition)} ? {chosen})"

    def _call(self, node: Expression) -> str:
        name, arguments = str(node.op.name), list(node.args)
        match name:
            case "prim.if_then_else":
                return self._choice(*arguments)
            case "tirx.reinterpret":
                return self._reinterpret(element_type(node), arguments[0])
            case "tirx.call_llvm_pure_intrin":
                return self._intrinsic(node, arguments)
            case _:
                raise TypeError(f"{name} has no form in C")

    def _reinterpret(self, to: str, value: Expression) -> str:
        given = element_type(value)
        if to == WIDE:
            low, high = (int(word.value) % (1 << 64) for word in value.vectors)
            words = f"{integer(low, 'uint64')}, {integer(high, 'uint64')}"
            return self._noted(f"wide_of_words({words})")
        if to in ("float32", "float64"):
            return self._helper(f"{_family(to)}_of_bits", [value])
        if given in ("float32", "float64"):
            return self._helper(f"bits_of_{_family(given)}", [value])
        return f"(({c_type(to)}){self.text(value)})"

    def _intrinsic(self, node: Expression, arguments: Sequence[Expression]) -> str:
        name = str(tvm.target.codegen.llvm_get_intrinsic_name(int(arguments[0].value)))
        if name == "llvm.ctlz":
            return self._helper("leading_zeros", arguments[1:2])
        if name not in _INTRINSICS:
            raise TypeError(f"{name} has no form in C")
        return self._helper(f"{_INTRINSICS[name]}_{_family(element_type(node))}", arguments[1:])

    def _helper(self, name: str, arguments: Sequence[Expression]) -> str:
        self.called.add(name)
        return f"{name}({', '.join(bare(self.text(each)) for each in arguments)})"

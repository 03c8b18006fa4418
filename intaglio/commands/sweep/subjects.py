# SPDX-License-Identifier: Apache-2.0
"""From a setting to the fixed graph that it means, for a quantized model and for a float one."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from intaglio.commands.models import (
    EXTENSION,
    TFLITE_EXTENSION,
    LoweringOptions,
    default_profile,
    import_file,
    is_quantized,
    load_onnx,
    named,
)
from intaglio.commands.quantize import Given, quantize_file
from intaglio.commands.sweep.profile_fields import changed
from intaglio.commands.sweep.settings import TIE, Setting, parse_value
from intaglio.compiler.ir.graph import Graph
from intaglio.compiler.pipeline import lower
from intaglio.compiler.real.external_data import external_files
from intaglio.compiler.recipes import Choices
from intaglio.errors import InvalidFile, InvalidOption
from intaglio.numerics.accumulator import Overflow
from intaglio.numerics.profile import Profile, load_profile
from intaglio.numerics.profile.schema import Tree

HARDWARE, RECIPE = "hardware", "recipe"
WIDEST_BITS = 64


@dataclass(frozen=True, slots=True)
class Parts:
    """A setting by what it is about.

    Attributes:
        recipe: ``recipe`` itself and ``recipe.NAME``, by NAME.
        hardware: the profile that fields are changed in, if the setting says so.
        fields: of the profile.
    """

    recipe: Mapping[str, str]
    hardware: str | None
    fields: Mapping[str, Tree]


def parts_of(setting: Setting) -> Parts:
    """A setting taken apart, tied fields each by itself."""
    recipe: dict[str, str] = {}
    hardware: str | None = None
    fields: dict[str, Tree] = {}
    for axis, value in setting.items():
        for field in axis.split(TIE):
            if field == HARDWARE:
                hardware = value
            elif field == RECIPE or field.startswith(f"{RECIPE}."):
                recipe[field.removeprefix(f"{RECIPE}.")] = value
            else:
                fields[field] = parse_value(value)
    return Parts(recipe, hardware, fields)


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """What settings change, and what the reference is.

    Attributes:
        hardware: a shipped profile's name or the path of a TOML file.
        reference: the reference setting; None for the hardware as it is, with sums that never
            overflow.
    """

    hardware: str
    reference: Setting | None = None

    def profile(self, setting: Setting) -> Profile:
        """The profile of a setting.

        Raises:
            InvalidFile: there is no such profile.
            InvalidOption: it has no such field.
            InvalidProfile: a value isn't one of the field's.
        """
        parts = parts_of(setting)
        return changed(load_profile(parts.hardware or self.hardware), parts.fields)

    def wide(self) -> Profile:
        """The reference's profile."""
        if self.reference is not None:
            return self.profile(self.reference)
        return widest(load_profile(self.hardware))


def widest(profile: Profile) -> Profile:
    """The profile with exact sums: nothing dropped, 64 bits, which 16-bit codes can't overflow."""
    return replace(
        profile,
        contraction=tuple(
            replace(
                rule,
                accumulator_bits=WIDEST_BITS,
                overflow=Overflow.WRAP,
                product_bits=0,
                truncation=None,
                partial_sums=None,
            )
            for rule in profile.contraction
        ),
        mean=tuple(replace(rule, accumulator_bits=WIDEST_BITS) for rule in profile.mean),
    )


class Source(Protocol):
    """Scaled graphs, by what a setting says of the recipe."""

    def check(self, recipe: Mapping[str, str]) -> None:
        """Refuse what can't be chosen, before any work."""
        ...

    def scaled(self, recipe: Mapping[str, str]) -> Graph:
        """The graph that the recipe's choices make."""
        ...


@dataclass(slots=True)
class QuantizedSource:
    """A quantized model, which no recipe changes any more."""

    path: Path
    options: LoweringOptions
    graph: Graph | None = None

    def check(self, recipe: Mapping[str, str]) -> None:
        """Refuse choices of a recipe."""
        for name in recipe:
            raise InvalidOption(
                "--axis",
                RECIPE if name == RECIPE else f"{RECIPE}.{name}",
                f"{self.path} is quantized already",
                "sweep the float model, or leave the axis out",
            )

    def scaled(self, recipe: Mapping[str, str]) -> Graph:
        """The model's graph."""
        if self.graph is None:
            self.graph = import_file(self.path, self.options)
        return self.graph


ChooseRecipe = Callable[[Mapping[str, str], Given], Choices]
"""The choices of a recipe with some of them changed, by name."""


@dataclass(slots=True)
class FloatSource:
    """A float model, quantized for every choice of recipe; the files are kept.

    Attributes:
        path: a float ONNX model.
        options: batch and shapes.
        given: calibration data and the like.
        choose: makes choices of what a setting says.
        folder: where quantized models are kept under the hash of all that they are made from.
    """

    path: Path
    options: LoweringOptions
    given: Given
    choose: ChooseRecipe
    folder: Path
    last: tuple[str, Graph] | None = None

    def check(self, recipe: Mapping[str, str]) -> None:
        """Refuse choices that there aren't."""
        self.choose(recipe, self.given)

    def scaled(self, recipe: Mapping[str, str]) -> Graph:
        """The quantized model's graph; quantized again only where nothing is kept."""
        choices = self.choose(recipe, self.given)
        key = self._key(choices)
        if self.last is None or self.last[0] != key:
            self.folder.mkdir(parents=True, exist_ok=True)
            file = self.folder / f"{key}.onnx"
            if not file.exists():
                quantize_file(self.path, file, choices, self.given)
            graph = import_file(file, self.options)
            self.last = key, replace(graph, name=self.path.stem)
        return self.last[1]

    def _key(self, choices: Choices) -> str:
        from intaglio import __version__

        digest = hashlib.sha256(f"{__version__}\n{choices!r}\n{self.options!r}\n".encode())
        source = self.given.calibration
        for part in (self.path, *external_files(self.path)):
            digest.update(content_hash(part).encode())
        if source is not None:
            digest.update(f"{source.preprocessing} {source.samples}\n".encode())
            for file in (source.path, source.labels):
                digest.update(b"" if file is None else content_hash(file).encode())
        if self.given.preprocessing is not None and Path(self.given.preprocessing).is_file():
            digest.update(content_hash(Path(self.given.preprocessing)).encode())
        return digest.hexdigest()


def content_hash(path: Path) -> str:
    """SHA-256 of a file, or of all files of a folder with their names."""
    digest = hashlib.sha256()
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(f"{file.relative_to(path) if path.is_dir() else ''}\n".encode())
        try:
            with file.open("rb") as content:
                digest.update(hashlib.file_digest(content, "sha256").digest())
        except OSError as error:
            raise InvalidFile(file, f"can't be read ({error.strerror})", "check it") from error
    return digest.hexdigest()


def is_float(path: Path, options: LoweringOptions) -> bool:
    """Whether a model is quantized by the sweep.

    Raises:
        InvalidFile: it is no model, or one whose arithmetic is chosen already.
    """
    if path.suffix == EXTENSION:
        raise InvalidFile(
            path, "its arithmetic is chosen already", "give the quantized model it was made from"
        )
    if path.suffix == TFLITE_EXTENSION:
        return False
    return not is_quantized(load_onnx(path, options.shapes))


def hardware_of(path: Path, hardware: str | None) -> str:
    """The arithmetic that settings change, by default that of the file's kind."""
    return hardware or default_profile(path)


def lower_named(path: Path, graph: Graph, profile: Profile) -> Graph:
    """Lower a scaled graph; errors name the user's file."""
    with named(path):
        return lower(graph, profile)

# SPDX-License-Identifier: Apache-2.0
"""What the repository promises about its own files."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LINKED = ("compiler", "frontends", "simulator")
SOURCES = ("intaglio", *LINKED)
FOLDERS = (*SOURCES, "tests", "examples", "benchmarks")
MOST_LINES = 400
# Scripts for environments of their own, whose packages are no dependencies of ours.
ADAPTERS = Path("intaglio/commands/peers/adapters")
LOCKS = Path("intaglio/commands/peers/locks")

CONFIGURATION: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())


def python_files(*folders: str) -> list[Path]:
    """The Python files below the folders, each once, under its real path from the root."""
    files = {file.resolve() for folder in folders for file in (ROOT / folder).rglob("*.py")}
    return sorted(file.relative_to(ROOT.resolve()) for file in files)


def imported_modules(node: ast.AST) -> list[str]:
    """The modules that an import statement names."""
    match node:
        case ast.Import(names=names):
            return [alias.name for alias in names]
        case ast.ImportFrom(module=str() as module):
            return [module]
        case _:
            return []


def normalized(distribution: str) -> str:
    """The name as package indices compare it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def importable(file: Path) -> str:
    """The one name under which a source file is imported."""
    parts = file.with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts if parts[0] == "intaglio" else ("intaglio", *parts))


def test_the_sources_are_found() -> None:
    found = {file.parts[0] for file in python_files(*FOLDERS)}
    assert found >= {*SOURCES, "tests"}


def test_no_file_is_longer_than_the_cap() -> None:
    lengths = {
        str(file): len((ROOT / file).read_text().splitlines())
        for file in (Path("setup.py"), *python_files(*FOLDERS))
    }
    assert {file: lines for file, lines in lengths.items() if lines > MOST_LINES} == {}


def test_every_file_names_its_licence() -> None:
    first = "# SPDX-License-Identifier: Apache-2.0"
    unmarked = [
        str(file)
        for file in (Path("setup.py"), *python_files(*FOLDERS))
        if not (ROOT / file).read_text().startswith(first)
    ]
    assert unmarked == []


@pytest.mark.parametrize("folder", LINKED)
def test_each_top_level_folder_is_linked_into_the_package(folder: str) -> None:
    link = ROOT / "intaglio" / folder
    assert link.is_symlink()
    assert link.readlink() == Path("..") / folder
    assert (link / "__init__.py").is_file()


@pytest.mark.parametrize("folder", LINKED)
def test_each_top_level_folder_is_known_to_the_tools(folder: str) -> None:
    tools = CONFIGURATION["tool"]
    assert f"intaglio/{folder}" in tools["pyright"]["include"]
    assert f"intaglio/{folder}" in tools["ruff"]["extend-exclude"]
    assert folder in tools["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    assert f'"{folder}"' in (ROOT / "setup.py").read_text()


def test_every_folder_of_sources_is_a_package() -> None:
    folders = {file.parent for file in python_files(*SOURCES)}
    assert [str(folder) for folder in folders if not (ROOT / folder / "__init__.py").exists()] == []


def test_every_module_stands_on_a_floor() -> None:
    floors = {
        floor.strip("() ")
        for layer in CONFIGURATION["tool"]["importlinter"]["contracts"][0]["layers"]
        for floor in layer.split("|")
    }
    # The public faces above the floors: they hold no code of a floor.
    faces = {"intaglio", "intaglio.compiler"}
    modules = [importable(file) for file in python_files(*SOURCES)]
    homeless = [
        module
        for module in modules
        if module not in faces
        and not any(module == floor or module.startswith(f"{floor}.") for floor in floors)
    ]
    assert homeless == []


def test_frontends_are_kept_from_all_of_the_compiler_but_the_ir() -> None:
    contract = CONFIGURATION["tool"]["importlinter"]["contracts"][1]
    assert contract["source_modules"] == ["intaglio.frontends"]
    children = {".".join(importable(file).split(".")[:3]) for file in python_files("compiler")}
    others = children - {"intaglio.compiler", "intaglio.compiler.ir"}
    assert set(contract["forbidden_modules"]) == others


def test_every_foreign_import_is_a_declared_dependency() -> None:
    imported = {
        name.split(".")[0]
        for file in python_files(*SOURCES)
        if file.parent != ADAPTERS
        for node in ast.walk(ast.parse((ROOT / file).read_text()))
        for name in imported_modules(node)
    }
    foreign = imported - sys.stdlib_module_names - {"intaglio"}
    optional = CONFIGURATION["project"]["optional-dependencies"].values()
    declared = {
        normalized(re.split(r"[<>=!~;\[ ]", requirement)[0])
        for group in (CONFIGURATION["project"]["dependencies"], *optional)
        for requirement in group
    }
    distributions = importlib.metadata.packages_distributions()
    undeclared = {
        name
        for name in foreign
        if declared.isdisjoint(map(normalized, distributions.get(name, [name])))
    }
    assert undeclared == set()


def test_every_golden_file_belongs_to_a_test() -> None:
    orphans: list[str] = []
    for file in (ROOT / "tests").rglob("golden/*.txt"):
        module, _, test = file.stem.partition(".")
        source = file.parent.parent / f"{module}.py"
        name = re.match(r"\w+", test)
        if name is None or not source.exists() or f"def {name[0]}(" not in source.read_text():
            orphans.append(str(file.relative_to(ROOT)))
    assert orphans == []


@pytest.mark.parametrize(
    "lock",
    sorted([*ROOT.glob("requirements*.lock"), *(ROOT / LOCKS).glob("*.lock")]),
    ids=lambda lock: lock.name,
)
def test_locks_pin_every_version_and_name_no_host(lock: Path) -> None:
    lines = lock.read_text().splitlines()
    pins = [line for line in lines if not line.startswith((" ", "#"))]
    assert pins
    assert [line for line in pins if not re.match(r"[a-z0-9-]+==[\w.]+( |$)", line)] == []
    assert [line for line in lines if "://" in line] == []


def test_the_development_lock_agrees_with_the_runtime_lock() -> None:
    runtime, development = (
        {
            line.removesuffix("\\").strip()
            for line in (ROOT / name).read_text().splitlines()
            if "==" in line
        }
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert runtime
    assert runtime - development == set()

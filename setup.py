# SPDX-License-Identifier: Apache-2.0
"""Install the top-level folders as one package, ``intaglio``.

``compiler/`` is imported as ``intaglio.compiler``, and so on. The links in ``intaglio/`` show type
checkers and editors the same tree; neither the build nor an install needs them.
"""

from setuptools import find_packages, setup

FOLDERS = ("compiler", "simulator", "frontends")
PACKAGES = find_packages(include=[f"{name}*" for name in ("intaglio", *FOLDERS)])

setup(
    packages=sorted({p if p.startswith("intaglio") else f"intaglio.{p}" for p in PACKAGES}),
    package_dir={"intaglio": "intaglio"} | {f"intaglio.{folder}": folder for folder in FOLDERS},
    package_data={"intaglio": ["py.typed", "commands/peers/locks/*.lock"], "": ["*.toml", "*.c"]},
)

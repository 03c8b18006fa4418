# SPDX-License-Identifier: Apache-2.0
"""Whether the extra ``torch`` is there, for everyone who is about to import what needs it."""

from intaglio.errors import InvalidData


def require_torch() -> None:
    """Do nothing if PyTorch can be imported; call it before a module of synthesis that needs it.

    Raises:
        InvalidData: the extra ``torch`` is not installed.
    """
    try:
        import torch  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise InvalidData(
            "making synthetic data",
            f"no package {error.name}",
            "the extra torch",
            "install it with pip install 'intaglio[torch]', or choose --recipe leaves or noise, "
            "which need none",
        ) from None

# SPDX-License-Identifier: Apache-2.0
"""A graph on disk: one ``.intaglio`` file, a zip of text, plain arrays and a manifest of hashes.

``graph.txt`` is the text form with big constants by hash, ``constants/00000.npy`` and so on are
those constants in order, ``manifest.json`` names the versions and every entry's size and SHA-256.
The same graph gives the same bytes.  Entries are stored, never compressed: bytes don't depend on
a compressor, and no small file can unfold into a big one.
"""

from intaglio.compiler.ir.file.reading import load
from intaglio.compiler.ir.file.writing import save

__all__ = ["load", "save"]

# SPDX-License-Identifier: Apache-2.0
"""Corner vectors for a layer's or a requantizer's test bench."""

from intaglio.commands.vectors.making import Coverage, LayerVectors, write_vectors
from intaglio.commands.vectors.presets import PresetVectors, write_preset_vectors

__all__ = ["Coverage", "LayerVectors", "PresetVectors", "write_preset_vectors", "write_vectors"]

# SPDX-License-Identifier: Apache-2.0
"""One loader for calibration and evaluation: arrays or images in, batches of a model's inputs out.

Source layouts and the preprocessing schema are in ``docs/data.md``.
"""

from intaglio.commands.data.array_dataset import ArrayDataset as ArrayDataset
from intaglio.commands.data.image_dataset import ImageDataset as ImageDataset
from intaglio.commands.data.opening import Dataset as Dataset
from intaglio.commands.data.opening import open_dataset as open_dataset
from intaglio.commands.data.preprocessing_file import load_preprocessing as load_preprocessing
from intaglio.commands.data.preprocessing_file import (
    shipped_preprocessings as shipped_preprocessings,
)
from intaglio.commands.data.preprocessing_rules import Preprocessing as Preprocessing
from intaglio.commands.data.samples import Batch as Batch
from intaglio.commands.data.samples import InputSpec as InputSpec

# SPDX-License-Identifier: Apache-2.0
"""Write held-out images as the codes that the compiled network takes, a raw file each."""

import argparse
import json
from pathlib import Path

import numpy as np


def main() -> None:
    """Quantize images with the scale and zero point that the manifest states."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("images", type=Path, help="an .npz with inputs and labels")
    parser.add_argument("manifest", type=Path, help="the .json beside the object")
    parser.add_argument("output", type=Path, help="the folder to write to")
    parser.add_argument("--count", type=int, default=5)
    arguments = parser.parse_args()
    (port,) = json.loads(arguments.manifest.read_text())["inputs"]
    with np.load(arguments.images) as data:
        images, labels = data["inputs"][: arguments.count], data["labels"][: arguments.count]
    # What QuantizeLinear does: divide in float32, round half to even, saturate.
    codes = np.rint(images / np.float32(port["scale"])) + port["zero_point"]
    arguments.output.mkdir(parents=True, exist_ok=True)
    for number, (image, label) in enumerate(zip(codes, labels, strict=True)):
        file = arguments.output / f"image_{number:03}_is_{label}.bin"
        # The digits network takes u8.
        np.clip(image, 0, 255).astype(np.uint8).tofile(file)


if __name__ == "__main__":
    main()

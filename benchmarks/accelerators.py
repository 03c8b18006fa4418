# SPDX-License-Identifier: Apache-2.0
"""The digits and ResNet20 under every accelerator's profile: top-1, as a user measures it.

``python -m benchmarks.accelerators [--images N]`` quantizes both networks with the command line
(per channel, 8 bits, signed symmetric activations, min-max; by powers of two for profiles that
shift alone), simulates them under each profile, and prints the table of docs/profiles.md.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.networks import NETWORKS, Network, data_folder
from intaglio.commands.tables import Column, Table, print_table

PROFILES = (
    "single-rounding",
    "ethos-u",
    "gemmini",
    "nvdla",
    "deeploy",
    "nemo",
    "finn",
    "pow2-half-up",
    "vta",
    "ap-fixed",
)
POWERS_OF_TWO = ("pow2-half-up", "vta", "ap-fixed")
_DIGITS = Path(__file__).parents[1] / "examples" / "digits"


@dataclass(frozen=True, slots=True)
class Row:
    """Top-1 in percent."""

    profile: str
    digits: float
    resnet20: float


def main() -> None:
    """Quantize, simulate, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200, help="of CIFAR-10")
    images: int = parser.parse_args().images
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    resnet = next(network for network in NETWORKS if network.name == "ResNet20")
    with tempfile.TemporaryDirectory() as folder:
        rows = [_row(Path(folder), resnet, profile, images) for profile in PROFILES]
    columns = (
        Column("profile", "profile"),
        Column("digits", "digits", ".1f"),
        Column("resnet20", f"ResNet20, {images} images", ".1f"),
    )
    print_table(Table("Top-1 %", columns, [asdict(row) for row in rows]))


def _row(folder: Path, resnet: Network, profile: str, images: int) -> Row:
    powers = profile in POWERS_OF_TWO
    ending = "-powers" if powers else ""
    digits, network = folder / f"digits{ending}.onnx", folder / f"resnet20{ending}.onnx"
    choices = ["--symmetric", "--signed", *(["--power-of-two"] if powers else [])]
    if not digits.exists():
        calibration = str(_DIGITS / "calibration.npz")
        _quantize(_DIGITS / "digits.onnx", digits, ["--calibration", calibration, *choices])
        calibration = str(resnet.path(resnet.calibration))
        given = ["--calibration", calibration, "--preprocessing", resnet.preprocessing]
        _quantize(resnet.path(resnet.model), network, [*given, *choices])
    pictures = [str(resnet.path(resnet.images)), "--preprocessing", resnet.preprocessing]
    return Row(
        profile,
        _top1(digits, profile, [str(_DIGITS / "heldout.npz")]),
        _top1(network, profile, [*pictures, "--limit", str(images)]),
    )


def _quantize(source: Path, output: Path, options: list[str]) -> None:
    _intaglio(["quantize", str(source), "-o", str(output), *options])


def _top1(model: Path, profile: str, data: list[str]) -> float:
    command = [
        "simulate",
        str(model),
        "--profile",
        profile,
        "--json",
        "--quiet",
        "--engine",
        "vectorized",
        "--data",
        *data,
    ]
    return 100 * float(json.loads(_intaglio(command))["top1"])


def _intaglio(command: list[str]) -> str:
    program = "from intaglio.cli import main; main()"
    ran = subprocess.run(
        [sys.executable, "-c", program, *command], check=True, capture_output=True, text=True
    )
    return ran.stdout


if __name__ == "__main__":
    main()

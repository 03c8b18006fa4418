# SPDX-License-Identifier: Apache-2.0
"""The networks and settings of ``benchmarks.data_free``, and what may be lost in each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.networks import Network
from intaglio.commands.data import Preprocessing
from intaglio.commands.data.preprocessing_rules import Channels, Crop, Geometry, ResizeShortSide
from intaglio.compiler.real.ranges.ranges import Range

_PHOTOGRAPHS, _LABELS = "imagenet/images.zip", "imagenet/labels.tsv"
_PICTURES, _TRAINING = "cifar10/test_5000_jpeg.npz", "cifar10/train_2000.npz"


def _photographs(name: str, model: str, preprocessing: str) -> Network:
    return Network(name, model, _PHOTOGRAPHS, _PHOTOGRAPHS, preprocessing, _LABELS)


def _pictures(name: str, model: str, preprocessing: str) -> Network:
    return Network(name, model, _PICTURES, _TRAINING, preprocessing)


MOBILENET_075 = _photographs("MobileNetV1-0.75", "imagenet/mobilenet_v1_075_224_bn.onnx", "tf")
MOBILENET_025 = _photographs("MobileNetV1-0.25", "imagenet/mobilenet_v1_025_224_bn.onnx", "tf")
SQUEEZENET = _photographs("SqueezeNet", "imagenet/squeezenet10_deepcompressed.onnx", "caffe")
RESNET20 = _pictures("ResNet20", "cifar10/resnet20_bn.onnx", "cifar")
RESNET32 = _pictures("ResNet32", "cifar10/resnet32_bn.onnx", "cifar")
RESNET8 = _pictures("ResNet8", "mlperf_tiny/ic01_resnet8_bn.onnx", "raw")
# Photographs of anything: the data set of its own isn't shared, and without labels for it, what
# counts is whether the class stays.
WAKE_WORDS = Network(
    "Visual wake words", "mlperf_tiny/vww01_bn.onnx", _PHOTOGRAPHS, _PHOTOGRAPHS, "raw"
)
SMALL_PHOTOGRAPHS = Preprocessing(
    Geometry(resize=ResizeShortSide(96), crop=Crop(96, 96)), divisor=255.0
)
_SPECTRA = "mlperf_tiny/kws01_eval.npz"
KEYWORDS = Network(
    "Keyword spotting", "mlperf_tiny/kws01_dscnn_qualcomm_bn.onnx", _SPECTRA, _SPECTRA, "raw"
)
SPECTRA = Preprocessing(Geometry(channels=Channels.AS_STORED), mean=(83.0,), std=(1 / 0.58470291,))

PER_TENSOR: Mapping[str, object] = {"per_channel": False}
PER_CHANNEL: Mapping[str, object] = {"per_channel": True}
SHIFTS: Mapping[str, object] = {"per_channel": False, "power_of_two_scales": True}
LEARNED: Mapping[str, object] = {"rounding": "learned"}


@dataclass(frozen=True, slots=True)
class Case:
    """One network in one setting.

    Attributes:
        network: with its images.
        setting: in words.
        recipe: by name.
        settings: changed choices.
        target: the most points that may be lost.
        profile: the arithmetic.
        preprocessing: in place of the network's.
        input_range: what its preprocessing makes of the input, where no image convention tells.
    """

    network: Network
    setting: str
    recipe: str
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    target: float | None = None
    profile: str = "single-rounding"
    preprocessing: Preprocessing | None = None
    input_range: Range | None = None

    @property
    def name(self) -> str:
        """Network and setting."""
        return f"{self.network.name}, {self.setting}"


CASES = (
    Case(MOBILENET_075, "no data, w8a8 per tensor", "dfq", PER_TENSOR, 0.7),
    Case(MOBILENET_025, "no data, w8a8 per tensor", "dfq", PER_TENSOR, 4.0),
    Case(MOBILENET_075, "no data, w8a8 per channel", "dfq", PER_CHANNEL, 0.7),
    Case(MOBILENET_025, "no data, w8a8 per channel", "dfq", PER_CHANNEL, 2.0),
    Case(MOBILENET_075, "no data, w8a8 per tensor, shifts", "dfq", SHIFTS, 3.7, "pow2-half-up"),
    Case(MOBILENET_025, "no data, w8a8 per tensor, shifts", "dfq", SHIFTS, 7.0, "pow2-half-up"),
    Case(RESNET20, "no data, w8a8 per tensor", "dfq", PER_TENSOR, 0.5),
    Case(RESNET32, "no data, w8a8 per tensor", "dfq", PER_TENSOR, 0.5),
    Case(RESNET8, "no data, w8a8 per tensor", "dfq", PER_TENSOR, 0.5),
    Case(
        WAKE_WORDS,
        "no data, w8a8 per channel",
        "dfq",
        PER_CHANNEL,
        preprocessing=SMALL_PHOTOGRAPHS,
    ),
    Case(KEYWORDS, "no data, w8a8 per channel", "dfq", PER_CHANNEL, preprocessing=SPECTRA),
    Case(
        KEYWORDS,
        "no data but the input's range, w8a8 per channel",
        "dfq",
        PER_CHANNEL,
        preprocessing=SPECTRA,
        input_range=Range(-211 * 0.58470291, 44 * 0.58470291),
    ),
    Case(SQUEEZENET, "100 images, w8a8 per tensor", "guideline", PER_TENSOR, 0.5),
    Case(SQUEEZENET, "100 images, w8a8 per channel", "guideline", PER_CHANNEL, 0.5),
    Case(MOBILENET_075, "100 images, w8a8 per tensor", "guideline", PER_TENSOR),
    Case(MOBILENET_075, "100 images, w8a8 per channel", "guideline", PER_CHANNEL),
    Case(
        MOBILENET_075,
        "100 images, w6a8 per channel, learned",
        "guideline",
        {**LEARNED, "weight_bits": 6},
        2.0,
    ),
    Case(
        MOBILENET_075,
        "100 images, w4a8 per channel, learned",
        "guideline",
        {**LEARNED, "weight_bits": 4},
        8.0,
    ),
)

_OFF: Mapping[str, Mapping[str, object]] = {
    "dead channels": {"dead_channels": False},
    "equalization": {"equalization": "none"},
    "noise balance": {"balance_noise": False},
    "bias correction": {"bias_correction": "none"},
    "least-error ranges": {"ranges": "sigma"},
}
_ADDED: Mapping[str, Mapping[str, object]] = {
    "absorption, unpadded, 3 deviations": {"bias_absorption": "unpadded"},
    "absorption, unpadded, 6 deviations": {
        "bias_absorption": "unpadded",
        "absorption_deviations": 6.0,
    },
    "ReLU for ReLU6": {"clips": "relu"},
    "equalization always": {"equalization": "always"},
}


def ablations() -> tuple[Case, ...]:
    """``dfq`` whole, without each of its steps, with none, and with each that it leaves out."""
    none = {name: value for off in _OFF.values() for name, value in off.items()}
    found: list[Case] = []
    for network in (MOBILENET_025, MOBILENET_075):
        for words, granularity in (("per tensor", PER_TENSOR), ("per channel", PER_CHANNEL)):
            variants: dict[str, Mapping[str, object]] = {"all of dfq": {}, "none of it": none}
            variants |= {f"without {name}": off for name, off in _OFF.items()}
            variants |= {f"with {name}": added for name, added in _ADDED.items()}
            found += [
                Case(network, f"{words}, {name}", "dfq", {**granularity, **changes})
                for name, changes in variants.items()
            ]
    return tuple(found)

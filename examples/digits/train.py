# SPDX-License-Identifier: Apache-2.0
"""Train the digits network and write the three files of this folder that the demo reads.

``make train`` runs it and sets up torch and scikit-learn first. The same machine with the same
versions writes the same files.
"""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.nn import functional

from examples.digits.network import BATCH_NORM_EPSILON, BLOCKS, CLASSES, HEAD, STEM, Block, build

FOLDER = Path(__file__).parent
SEED = 2026
EPOCHS = 150
BATCH = 64
HELD_OUT = 0.3
CALIBRATION_IMAGES = 100
# torch and ONNX Runtime sum in different orders, so their logits differ in the last bits.
LOGIT_SLACK = 1e-5


class Convolution(nn.Sequential):
    """Convolution without bias, then BatchNorm."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        """Make the two layers; padding keeps the size at stride 1."""
        conv = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
        bn = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPSILON)
        super().__init__(OrderedDict(conv=conv, bn=bn))


class InvertedResidual(nn.Module):
    """One block of the network, see ``network.Block``."""

    def __init__(self, block: Block):
        """Make the block's three convolutions."""
        super().__init__()
        self.adds_input = block.adds_input
        self.expand = Convolution(block.inputs, block.hidden, 1)
        self.depthwise = Convolution(block.hidden, block.hidden, 3, block.stride, block.hidden)
        self.project = Convolution(block.hidden, block.outputs, 1)

    def forward(self, value: Tensor) -> Tensor:
        """[N, inputs, H, W] -> [N, outputs, H/stride, W/stride]."""
        hidden = functional.relu6(self.depthwise(functional.relu6(self.expand(value))))
        projected = self.project(hidden)
        return value + projected if self.adds_input else projected


class Digits(nn.Module):
    """The network that ``network.build`` writes as ONNX, with the same names."""

    def __init__(self) -> None:
        """Make the layers with random weights."""
        super().__init__()
        self.stem = Convolution(1, STEM, 3)
        for block in BLOCKS:
            self.add_module(block.name, InvertedResidual(block))
        self.head = Convolution(BLOCKS[-1].outputs, HEAD, 1)
        self.classifier = nn.Linear(HEAD, CLASSES)

    def forward(self, image: Tensor) -> Tensor:
        """[N, 1, 8, 8] -> [N, 10]."""
        value = functional.relu6(self.stem(image))
        for block in BLOCKS:
            value = self.get_submodule(block.name)(value)
        return self.classifier(functional.relu6(self.head(value)).mean((2, 3)))


def shifted(images: Tensor) -> Tensor:
    """Each image moved by up to one pixel in each direction, zeros moving in."""
    padded = functional.pad(images, (1, 1, 1, 1))
    rows, columns = torch.randint(0, 3, (2, len(images))).tolist()
    return torch.stack(
        [image[:, r : r + 8, c : c + 8] for image, r, c in zip(padded, rows, columns, strict=True)]
    )


def train(images: Tensor, labels: Tensor) -> Digits:
    """A network fitted to the images, in evaluation mode."""
    model = Digits()
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.02)
    steps = EPOCHS * (len(images) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.01, total_steps=steps)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images))[: len(images) // BATCH * BATCH].split(BATCH):
            loss = functional.cross_entropy(model(shifted(images[batch])), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return model.eval()


def main() -> None:
    """Train, export, compare with torch, write the splits."""
    torch.manual_seed(SEED)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(1)

    digits = load_digits()
    inputs = (digits.images[:, None] / 16).astype(np.float32)
    labels = digits.target.astype(np.int64)
    training, held_out = train_test_split(
        np.arange(len(labels)), test_size=HELD_OUT, random_state=SEED, stratify=labels
    )
    calibration = training[:CALIBRATION_IMAGES]
    for name, chosen in (("heldout", held_out), ("calibration", calibration)):
        np.savez_compressed(FOLDER / f"{name}.npz", inputs=inputs[chosen], labels=labels[chosen])

    model = train(torch.from_numpy(inputs[training]), torch.from_numpy(labels[training]))
    parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    path = FOLDER / "digits.onnx"
    network = build(parameters)
    onnx.checker.check_model(network, full_check=True)
    onnx.save(network, path)

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (exported,) = session.run(["logits"], {"image": inputs[held_out]})
    with torch.inference_mode():
        trained = model(torch.from_numpy(inputs[held_out])).numpy()
    difference = float(np.abs(exported - trained).max())
    if difference > LOGIT_SLACK:
        raise SystemExit(f"{path}: its logits differ from torch's by up to {difference:.2e}")
    right = int((exported.argmax(1) == labels[held_out]).sum())
    print(f"{right} of {len(held_out)} held-out digits right ({right / len(held_out):.2%})")
    print(f"largest difference of a logit from torch's: {difference:.1e}")
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()

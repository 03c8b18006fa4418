# SPDX-License-Identifier: Apache-2.0
"""The digits network as float ONNX, built node by node so that every BatchNorm stays a node.

The shape is MobileNetV2's in small: a convolution, four depthwise separable blocks of which two add
their input, a last 1x1 convolution, the global mean and one matrix product. Each convolution is
followed by a BatchNorm; ReLU6 follows it everywhere but at a block's end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

Parameters = Mapping[str, npt.NDArray[np.float32]]

CLASSES = 10
STEM = 16
HEAD = 64
BATCH_NORM_EPSILON = 1e-5


@dataclass(frozen=True, slots=True)
class Block:
    """An inverted residual: expand by a 1x1, filter each channel by a 3x3, project by a 1x1."""

    name: str
    inputs: int
    outputs: int
    stride: int
    expansion: int = 4

    @property
    def hidden(self) -> int:
        """The channels between expansion and projection."""
        return self.inputs * self.expansion

    @property
    def adds_input(self) -> bool:
        """Whether the block's input is added to its output."""
        return self.stride == 1 and self.inputs == self.outputs


BLOCKS = (
    Block("block1", STEM, 24, stride=2),
    Block("block2", 24, 24, stride=1),
    Block("block3", 24, 32, stride=2),
    Block("block4", 32, 32, stride=1),
)


@dataclass(slots=True)
class _Graph:
    """Nodes and initializers in the making; each method returns the name of its result."""

    parameters: Parameters
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    initializers: list[onnx.TensorProto] = field(default_factory=list[onnx.TensorProto])

    def constant(self, name: str, value: npt.NDArray[np.float32]) -> str:
        self.initializers.append(numpy_helper.from_array(value, name))
        return name

    def node(
        self, kind: str, name: str, inputs: list[str], **attributes: int | float | list[int]
    ) -> str:
        node = helper.make_node(kind, inputs, [name], name=name)
        node.attribute.extend(helper.make_attribute(*item) for item in sorted(attributes.items()))
        self.nodes.append(node)
        return name

    def convolution(
        self, name: str, source: str, *, kernel: int, stride: int = 1, groups: int = 1
    ) -> str:
        """Convolution without bias, then BatchNorm."""
        module = name.replace("/", ".")
        convolved = self.node(
            "Conv",
            f"{name}/conv",
            [source, self.constant(f"{name}/weight", self.parameters[f"{module}.conv.weight"])],
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[kernel // 2] * 4,
            group=groups,
        )
        statistics = {
            "scale": "weight",
            "shift": "bias",
            "mean": "running_mean",
            "variance": "running_var",
        }
        return self.node(
            "BatchNormalization",
            f"{name}/bn",
            [
                convolved,
                *(
                    self.constant(f"{name}/bn/{role}", self.parameters[f"{module}.bn.{key}"])
                    for role, key in statistics.items()
                ),
            ],
            epsilon=BATCH_NORM_EPSILON,
        )

    def relu6(self, name: str, source: str) -> str:
        return self.node("Clip", f"{name}/relu6", [source, "zero", "six"])

    def block(self, block: Block, source: str) -> str:
        name = f"{block.name}/expand"
        expanded = self.relu6(name, self.convolution(name, source, kernel=1))
        name = f"{block.name}/depthwise"
        filtered = self.convolution(
            name, expanded, kernel=3, stride=block.stride, groups=block.hidden
        )
        projected = self.convolution(f"{block.name}/project", self.relu6(name, filtered), kernel=1)
        if not block.adds_input:
            return projected
        return self.node("Add", f"{block.name}/add", [source, projected])


def build(parameters: Parameters) -> onnx.ModelProto:
    """The network with these parameters.

    Args:
        parameters: the arrays of the trained network, named as ``train.py`` names its modules.

    Returns:
        A model: ``image`` float32 [N, 1, 8, 8] in 0..1 -> ``logits`` float32 [N, 10].
    """
    graph = _Graph(parameters)
    graph.constant("zero", np.array(0, np.float32))
    graph.constant("six", np.array(6, np.float32))
    value = graph.relu6("stem", graph.convolution("stem", "image", kernel=3))
    for block in BLOCKS:
        value = graph.block(block, value)
    value = graph.relu6("head", graph.convolution("head", value, kernel=1))
    value = graph.node("GlobalAveragePool", "pool/mean", [value])
    value = graph.node("Flatten", "pool/flatten", [value], axis=1)
    weight = graph.constant("classifier/weight", parameters["classifier.weight"])
    bias = graph.constant("classifier/bias", parameters["classifier.bias"])
    graph.nodes.append(
        helper.make_node("Gemm", [value, weight, bias], ["logits"], name="classifier", transB=1)
    )
    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "digits",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 1, 8, 8])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", CLASSES])],
            graph.initializers,
        ),
        opset_imports=[helper.make_opsetid("", 21)],
        ir_version=10,
        producer_name="intaglio-examples-digits",
    )

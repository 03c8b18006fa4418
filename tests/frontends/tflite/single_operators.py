# SPDX-License-Identifier: Apache-2.0
"""The operators that are held against the runtimes, each as a file."""

from tests.frontends.tflite import writing
from tests.peers.tflite.single_op import Case, Tensor


def written(case: Case) -> bytes:
    """The bytes of a model with the case's operator alone."""
    operator = case.operator
    tensors = [_tensor(operand) for operand in (*operator.operands, operator.result)]
    options = {name[:1].upper() + name[1:]: value for name, value in operator.options.items()}
    step = writing.Operator(
        operator.name,
        tuple(range(len(operator.operands))),
        (len(operator.operands),),
        operator.options_type,
        options,
    )
    given = [at for at, operand in enumerate(operator.operands) if not operand.constant]
    return writing.write(tensors, [step], given, [len(operator.operands)])


def _tensor(tensor: Tensor) -> writing.Tensor:
    count = len(tensor.scales)
    return writing.Tensor(
        tensor.codes.shape,
        tensor.codes.dtype.name.upper(),
        tensor.scales,
        tensor.zero_points * (count // len(tensor.zero_points)) if count else (),
        tensor.axis if count > 1 else 0,
        tensor.codes.tobytes() if tensor.constant else None,
    )

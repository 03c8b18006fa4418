# SPDX-License-Identifier: Apache-2.0
"""Generate TOSA's own tests of some operators and run its reference model on them.

``adapter.py REQUEST ANSWER``, started by the python of the peers' environment: the request is JSON
(a list of the generator's ``options``, and ``every``: take one test of so many); the answer is an
npz with ``cases``, a JSON list of operators, and their tensors.  Nothing of the project is
imported.
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import distribution, version
from pathlib import Path

import numpy as np
from tosa import (
    AvgPool2dAttribute,
    Conv2dAttribute,
    DepthwiseConv2dAttribute,
    DType,
    MatMulAttribute,
    Op,
    RescaleAttribute,
    RoundingMode,
    TosaGraph,
)

PROGRAMS = Path(sys.executable).parent
# The program of that name in PROGRAMS is a script that starts this one, and takes longer than it.
MODEL = distribution("tosa-tools").locate_file("bin/tosa_reference_model")
OPERATORS = {code: name for name, code in vars(Op.Op).items() if isinstance(code, int)}
TYPES = {code: name for name, code in vars(DType.DType).items() if isinstance(code, int)}
ROUNDINGS = {c: name for name, c in vars(RoundingMode.RoundingMode).items() if isinstance(c, int)}
ATTRIBUTES = {
    "AVG_POOL2D": AvgPool2dAttribute.AvgPool2dAttribute,
    "CONV2D": Conv2dAttribute.Conv2dAttribute,
    "DEPTHWISE_CONV2D": DepthwiseConv2dAttribute.DepthwiseConv2dAttribute,
    "MATMUL": MatMulAttribute.MatMulAttribute,
    "RESCALE": RescaleAttribute.RescaleAttribute,
}


def attributes_of(operator):
    """The operator's attributes as plain numbers and lists."""
    kind = ATTRIBUTES.get(OPERATORS[operator.Op()])
    if kind is None:
        return {}
    table = kind()
    table.Init(operator.Attribute().Bytes, operator.Attribute().Pos)
    found = {}
    for name in ("Pad", "Stride", "Dilation", "Kernel"):
        if hasattr(table, name):
            length = getattr(table, f"{name}Length")()
            found[name.lower()] = [int(getattr(table, name)(j)) for j in range(length)]
    for name in ("Scale32", "PerChannel", "InputUnsigned", "OutputUnsigned"):
        if hasattr(table, name):
            found[name.lower()] = bool(getattr(table, name)())
    if hasattr(table, "RoundingMode"):
        found["roundingmode"] = ROUNDINGS[table.RoundingMode()]
    return found


def case_of(folder):
    """The one operator of a test, its tensors' types, and their arrays."""
    done = subprocess.run(
        [MODEL, "--test_desc=desc.json"],
        cwd=folder,
        capture_output=True,
        text=True,
    )
    if done.returncode != 0:
        sys.exit(f"{folder.name}: the reference model ended with {done.returncode}: {done.stdout}")
    graph = TosaGraph.TosaGraph.GetRootAs((folder / "test.tosa").read_bytes(), 0)
    block = graph.Regions(0).Blocks(0)
    tensors = {}
    for index in range(block.TensorsLength()):
        tensor = block.Tensors(index)
        shape = [tensor.Shape(j) for j in range(tensor.ShapeLength())]
        tensors[tensor.Name().decode()] = (TYPES[tensor.Type()], shape)
    operators = [block.Operators(index) for index in range(block.OperatorsLength())]
    (operator,) = [each for each in operators if OPERATORS[each.Op()] != "CONST"]
    inputs = [operator.Inputs(j).decode() for j in range(operator.InputsLength())]
    (output,) = [operator.Outputs(j).decode() for j in range(operator.OutputsLength())]
    described = {
        "name": folder.name,
        "op": OPERATORS[operator.Op()],
        "attributes": attributes_of(operator),
        "operands": [(*tensors[name], name.startswith("const")) for name in inputs],
        "result": tensors[output],
    }
    arrays = [np.load(folder / f"{name}.npy") for name in inputs]
    return described, [*arrays, np.load(folder / f"ref-{output}.npy")]


def generate(folder, options):
    """TOSA's own generator, with a seed of its own."""
    command = [PROGRAMS / "tosa_verif_build_tests", "-o", folder, *options]
    command += ["--test-type", "positive", "--dump-const-tensors"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)


def main(request, answer):
    """Every test of the request."""
    described, arrays = [], {}
    for asked in json.loads(Path(request).read_text()):
        with tempfile.TemporaryDirectory() as folder:
            generate(folder, asked["options"])
            folders = sorted(path.parent for path in Path(folder).glob("*/*/desc.json"))
            for path in folders[:: asked["every"]]:
                case, tensors = case_of(path)
                for at, array in enumerate(tensors):
                    arrays[f"{len(described)}.{at}"] = array
                described.append(case)
    program = f"tosa-tools {version('tosa-tools')}"
    cases = json.dumps({"program": program, "cases": described})
    np.savez(answer, cases=np.array(cases), **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])

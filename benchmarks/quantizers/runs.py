# SPDX-License-Identifier: Apache-2.0
"""What every adapter does with its request.

``ADAPTER.py REQUEST``: the request is JSON with the float ``model``, the ``evaluation`` images, the
``batch`` that they are fed in, a ``folder`` for files, and ``runs``; each run has a ``name``, its
``weights`` (per-tensor, per-channel or float), its ``method`` and its ``calibration`` images.
Images are npy files of the model's input.  Each run is answered by a line of JSON: the file of its
predictions and its seconds, or why it was ``refused``.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np


def serve(program, prepare):
    """Do every run.

    ``prepare(request, run, calibration)`` quantizes and gives a function from images ``[n, ...]``
    to the network's outputs.
    """
    request = json.loads(Path(sys.argv[1]).read_text())
    answer(program=program)
    evaluation = np.load(request["evaluation"], mmap_mode="r")
    for run in request["runs"]:
        began = time.monotonic()
        try:
            network = prepare(request, run, np.load(run["calibration"]))
            quantized = time.monotonic()
            found = predictions(network, evaluation, request["batch"])
        except Exception as error:
            words = " ".join(str(error).split())[:300]
            answer(run=run["name"], refused=f"{type(error).__name__}: {words}")
            continue
        file = Path(request["folder"]) / "predictions.npy"
        np.save(file, found)
        seconds = {
            "quantizing_seconds": quantized - began,
            "evaluating_seconds": time.monotonic() - quantized,
        }
        answer(run=run["name"], predictions=str(file), **seconds)


def predictions(network, images, batch):
    """The class of each image."""
    found = [
        np.asarray(network(np.ascontiguousarray(images[first : first + batch])))
        for first in range(0, len(images), batch)
    ]
    return np.concatenate(found).reshape(len(images), -1).argmax(axis=1)


def answer(**words):
    """One line."""
    print(json.dumps(words), flush=True)

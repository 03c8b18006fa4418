# SPDX-License-Identifier: Apache-2.0
"""What every adapter does with its request and its answer.

``run_NAME.py PEER REQUEST ANSWER``: the request is an npz whose ``jobs`` is JSON and whose other
arrays are models, constants and inputs; the answer is an npz with the results, and ``about``,
JSON that says what ran them.  The answer is renamed into its place when it is whole.
"""

import json
import os
import sys

import numpy as np


class Tensors:
    """The values of some tensors of a model, run after run."""

    def __init__(self):
        """Start with none."""
        self.described = []
        self.runs = []

    def add(self, tensors):
        """One run: (name, index, array) for each tensor."""
        self.described = [{"name": name, "index": index} for name, index, _ in tensors]
        self.runs.append([np.array(array) for _, _, array in tensors])


def serve(program, run_job):
    """Run every job.

    ``run_job(peer, job, arrays, prefix, runs)`` gives outputs, tensors and whether a delegate ran.
    The label of a job on stderr is the last word before an abort; what the runtime doesn't take
    follows it.
    """
    try:
        _serve(program, run_job)
    except Exception as error:
        print(f"refused: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        sys.exit(1)


def _serve(program, run_job):
    peer, request, answer = sys.argv[1:]
    with np.load(request) as file:
        arrays = dict(file)
    results, about = {}, []
    for number, job in enumerate(json.loads(str(arrays["jobs"]))):
        print(f"job: {job['label']}", file=sys.stderr, flush=True)
        runs = [
            [arrays[f"{number}.run.{run}.{at}"] for at in range(count)]
            for run, count in enumerate(job["runs"])
        ]
        outputs, tensors, delegated = run_job(peer, job, arrays, str(number), runs)
        for kind, found in (("outputs", outputs), ("tensors", tensors)):
            for run, values in enumerate(found.runs):
                for at, array in enumerate(values):
                    results[f"{number}.{kind}.{run}.{at}"] = array
        about.append(
            {
                "outputs": outputs.described,
                "tensors": tensors.described,
                "delegated": delegated,
            }
        )
    text = json.dumps({"program": program, "results": about})
    partial = answer + ".partial.npz"
    np.savez(partial, about=np.array(text), **results)
    os.rename(partial, answer)

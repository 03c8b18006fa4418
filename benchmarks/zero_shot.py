# SPDX-License-Identifier: Apache-2.0
"""What data from the weights alone reaches: integers beside real data and noise.

    python -m benchmarks.zero_shot [--only TEXT] [--seeds 3] [--json FILE] [--jobs N]
    python -m benchmarks.zero_shot --ablation [--only TEXT] [--seeds 1] [--json FILE] [--jobs N]
    python -m benchmarks.zero_shot --timing [--only TEXT]

Each network is quantized by the command line in a process that can't read real data
(``benchmarks.without_data``), then runs the real images as integers under ``single-rounding``.
``real`` is the same recipe on 100 real images, ``noise`` on noise.  ``--json`` keeps each result;
what it holds already isn't measured again, so that several runs add up.  A change of a setting or
of a recipe is a new result; a change of the code isn't, and needs a new file.  ``--timing`` wants a
machine with nothing else to do.  Exit code 1: a run failed, or a result isn't as wanted.
"""

import argparse
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from benchmarks.networks import data_folder
from benchmarks.zero_shot_ablations import ablations
from benchmarks.zero_shot_cases import CASES, Case, with_references
from benchmarks.zero_shot_results import Results, add_result, read_results
from benchmarks.zero_shot_run import Result, measure
from benchmarks.zero_shot_tables import print_compared, print_reached
from benchmarks.zero_shot_timing import Timing, print_timings, timings
from intaglio.errors import IntaglioError

Task = tuple[Case, int]
"""A case and a seed."""


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--ablation", action="store_true", help="each part of DSG and GZSQ")
    parser.add_argument("--timing", action="store_true", help="time and memory to make data")
    parser.add_argument("--images", type=int, help="evaluate no more than this many")
    parser.add_argument("--seeds", type=int, help="how many; 3, or 1 with --ablation")
    parser.add_argument("--json", type=Path, help="keep the results, after each; take those there")
    parser.add_argument("--jobs", type=int, default=1, help="processes at once")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        dest="options",
        help="a choice in place of every case's",
    )
    arguments = parser.parse_args()
    if not data_folder().is_dir():
        parser.error(f"no real networks and images at {data_folder()}: set INTAGLIO_DATA")
    os.environ["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // arguments.jobs))
    if arguments.timing:
        if arguments.json:
            parser.error("--timing keeps nothing: leave --json out")
        os.environ["OMP_NUM_THREADS"] = "2"
        return 0 if _time(arguments.only, arguments.options) else 1
    changes = dict(map(_name_and_value, arguments.options))
    cases = [
        case.changed(changes)
        for case in (ablations() if arguments.ablation else CASES)
        if arguments.only in case.name
    ]
    seeds = arguments.seeds or (1 if arguments.ablation else 3)
    results = read_results(arguments.json)
    complete = True
    try:
        tasks = missing(cases, results, seeds, arguments.images)
    except IntaglioError as error:
        parser.error(str(error))
    for result in run(tasks, arguments.images, arguments.jobs):
        complete = complete and result is not None
        if result is None:
            continue
        results[result.key] = result
        if arguments.json:
            add_result(arguments.json, result)
    if arguments.ablation:
        print_compared(cases, results, seeds, arguments.images)
        return 0 if complete else 1
    met = print_reached(cases, results, seeds, arguments.images)
    return 0 if met and complete else 1


def missing(
    cases: Sequence[Case], results: Results, seeds: int, images: int | None
) -> dict[str, Task]:
    """What is yet to be measured, by key; what was refused is tried again."""
    return {
        key: (case, seed)
        for case in with_references(cases)
        for seed in case.seeds(seeds)
        if (key := case.key(seed, images)) not in results or results[key].refused is not None
    }


def run(tasks: dict[str, Task], images: int | None, jobs: int) -> Iterator[Result | None]:
    """Results as they come, each said in a line; None for one that failed."""
    # Fresh processes: those that are forked would share the threads of ONNX Runtime and PyTorch.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, mp_context=context)
    try:
        waiting = {pool.submit(measure, *task, images): task for task in tasks.values()}
        for done, future in enumerate(as_completed(waiting), 1):
            case, seed = waiting[future]
            words = f"{done}/{len(tasks)} {case.name}, seed {seed}"
            error = future.exception()
            if error is not None:
                print(f"{words}: {error}", file=sys.stderr, flush=True)
                yield None
                continue
            result = future.result()
            print(f"{words}: {_outcome(result)}", flush=True)
            yield result
    finally:
        # An interrupt waits for what runs, and starts nothing more.
        pool.shutdown(cancel_futures=True)


def _name_and_value(option: str) -> tuple[str, str]:
    name, _, value = option.partition("=")
    return name, value


def _outcome(result: Result) -> str:
    if result.accuracy is None:
        return f"refused: {result.refused}"
    top1, real = result.accuracy.integer_top1 or 0.0, result.accuracy.float_top1 or 0.0
    size = f"{result.peak_mebibytes:.0f} MiB"
    return f"{top1:.1f} of {real:.1f}, in {result.seconds:.0f} s, {size}"


def _time(only: str, options: Sequence[str]) -> bool:
    rows: list[Timing] = []
    for row in timings(only, options):
        print(f"{row.network}, {row.recipe}: {row.did}, in {row.seconds:.1f} s", flush=True)
        rows.append(row)
    return print_timings(rows)


if __name__ == "__main__":
    sys.exit(main())

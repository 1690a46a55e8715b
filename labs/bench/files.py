"""Result files: a ResultSet as a pyperf suite, so that `pyperf check`, `stats` and `hist` read it.

Each round is a pyperf Run with the settings in its metadata. A suite may not hold two benchmarks
of one name, so the device is appended there ("matmul/... @CL"); in memory the name stays without
it. What pyperf has no place for (failures, stop reason, plan) is under the extra top-level key
"course", which pyperf ignores.
"""

import contextlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyperf

from labs.bench.results import Failure, Measurement, ResultSet, Round
from labs.errors import ResultError

FORMAT = 1
# Measurement fields that travel as pyperf metadata, all of them str, int or float.
_TEXT = ("device", "renderer", "clock", "cache", "verification", "run_id")
_NUMBERS = ("first_call_s", "flop", "min_bytes", "overhead_s")
_ROUND = ("stop_reason", "position", "index", "retaken")
_PREFIX = "course_"  # our own names, so that they can't meet one of pyperf's


def save_results(results: ResultSet, path: str | Path) -> Path:
    """Writes the file in one step: a reader or an interruption never sees half of it.

    Raises:
        ResultError: when the folder can't be written to.
    """
    path = Path(path)
    benchmarks = [_to_benchmark(m) for m in results.measurements if m.rounds]
    if benchmarks:
        pyperf.BenchmarkSuite(benchmarks).dump(buffer := io.StringIO())
        data = json.loads(buffer.getvalue())
    else:
        data = {"version": "1.0", "benchmarks": []}
    data["course"] = {
        "format": FORMAT,
        "failures": [vars(f) for f in results.failures],
        "environment": dict(results.environment),
        "stop_reason": results.stop_reason,
        "plan": dict(results.plan),
        # pyperf moves what all rounds share up to the benchmark; these belong to the rounds
        "round_facts": sorted({k for m in results for r in m.rounds for k in r.environment}),
    }
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(json.dumps(data, sort_keys=True) + "\n", encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise ResultError(
            f"save results to '{path}'",
            expected="a file in a folder that can be written to",
            got=f"{type(error).__name__}: {error.strerror or error}",
            next_step="choose another path, or free space there",
        ) from error
    return path


def load_results(path: str | Path) -> ResultSet:
    """Reads a result file of the course.

    Raises:
        ResultError: when there is no such file, or it isn't one of ours. It is left as it is.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        missing = isinstance(error, FileNotFoundError)
        raise _unreadable(path, "no such file" if missing else f"{error}", missing) from error
    try:
        data = json.loads(text)
        course = data["course"]
        if course["format"] != FORMAT:
            raise ValueError(f"format {course['format']}, this version reads {FORMAT}")
        suite = pyperf.BenchmarkSuite.loads(text) if data["benchmarks"] else ()
        return ResultSet(
            tuple(_from_benchmark(b, course["round_facts"]) for b in suite),
            tuple(Failure(**f) for f in course["failures"]),
            course["environment"],
            course["stop_reason"],
            course["plan"],
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(path, f"{type(error).__name__}: {error}") from error


def _unreadable(path: Path, got: str, missing: bool = False) -> ResultError:
    return ResultError(
        f"read the results in '{path}'",
        expected="a result file written by this course (a pyperf suite with a 'course' section)",
        got=got,
        next_step="check the path"
        if missing
        else "the file was left as it is; move it away and measure again, or restore a copy",
    )


def _to_benchmark(m: Measurement) -> pyperf.Benchmark:
    shared = {_PREFIX + f: getattr(m, f) for f in (*_TEXT, *_NUMBERS)}
    shared[_PREFIX + "name"], shared[_PREFIX + "modelled"] = m.name, int(m.modelled)
    runs = []
    for r in m.rounds:
        own = {_PREFIX + f: getattr(r, f) for f in _ROUND}
        own[_PREFIX + "warmup_capped"] = int(r.warmup_capped)
        metadata = {**m.environment, **r.environment, **shared, **own}
        metadata |= {"name": f"{m.name} @{m.device}", "unit": "second", "loops": r.loops}
        runs.append(
            pyperf.Run(
                r.samples_s,
                warmups=[(1, w) for w in r.warmups_s],
                metadata=_storable(metadata),
                collect_metadata=False,
            )
        )
    return pyperf.Benchmark(runs)


def _from_benchmark(benchmark: pyperf.Benchmark, round_facts: Sequence[str]) -> Measurement:
    runs = benchmark.get_runs()
    common = benchmark.get_metadata()
    shared = {f: common.get(_PREFIX + f) for f in _NUMBERS}
    shared |= {f: str(common.get(_PREFIX + f, "")) for f in _TEXT}
    return Measurement(
        name=str(common[_PREFIX + "name"]),
        rounds=tuple(_from_run(run, round_facts) for run in runs),
        modelled=bool(common[_PREFIX + "modelled"]),
        environment=_others({k: v for k, v in common.items() if k not in round_facts}),
        **shared,
    )


def _from_run(run: pyperf.Run, round_facts: Sequence[str]) -> Round:
    metadata = run.get_metadata()
    return Round(
        samples_s=tuple(run.values),
        loops=run.get_loops(),
        warmups_s=tuple(w for _, w in run.warmups),
        warmup_capped=bool(metadata[_PREFIX + "warmup_capped"]),
        environment={k: metadata[k] for k in round_facts if k in metadata},
        **{f: metadata[_PREFIX + f] for f in _ROUND},
    )


def _others(metadata: Mapping[str, object]) -> dict[str, object]:
    known = ("name", "unit", "loops")
    return {k: v for k, v in metadata.items() if not k.startswith(_PREFIX) and k not in known}


def _storable(metadata: Mapping[str, object]) -> dict[str, object]:
    """pyperf takes str, int and float, on one line and not empty."""
    plain = {}
    for key, value in metadata.items():
        if value is None or value == "":
            continue
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        plain[key] = value if number else " ".join(str(value).split())
    return plain

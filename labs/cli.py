"""The commands of `python3 course.py <command>`, and of the console script `course`.

Each command imports its room when it runs, so `--help` is quick. Results go to stdout or the named
file, progress to stderr; the exit status is 0 only on success, 2 for what the reader can mend.
"""

import argparse
import importlib.util
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from labs.errors import LabError, ResultError
from labs.paths import PROJECT_ROOT, results_dir, state_dir

INTERRUPTED = 130  # what shells report for Ctrl-C
TAKES_ANYTHING = ("lab", "test")  # the rest of their line is JupyterLab's or pytest's


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    line = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if line[:1] == ["test"] and not {"-h", "--help"} & set(line[1:2]):
            return _test(line[1:])  # as it is: pytest knows its own options best
        options, rest = _parser().parse_known_args(line)
        if rest and options.command not in TAKES_ANYTHING:
            _parser().error(f"unknown arguments for {options.command}: {' '.join(rest)}")
        options.rest = rest
        status = options.run(options) or 0
        sys.stdout.flush()
        return status
    except LabError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # "| head" has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


# **************** the commands ****************


def _lab(options: argparse.Namespace) -> None:
    from labs import jupyter, toolchain

    toolchain.activate()  # the kernels inherit its variables
    line = jupyter.arguments(port=options.port, ip=options.ip, browser=options.browser)
    jupyter.run([*line, *options.rest])


def _test(rest: Sequence[str]) -> int:
    from labs import jupyter

    progress = state_dir() / "test-progress.sqlite"  # the reader's own progress stays out of it
    progress.unlink(missing_ok=True)
    variables = os.environ | jupyter.environment() | {"COURSE_STATE": str(progress)}
    command = [sys.executable, "-m", "pytest", f"--rootdir={PROJECT_ROOT}"]
    command += [*side_by_side(rest), *rest]
    os.chdir(PROJECT_ROOT)
    if os.name == "posix":
        os.execve(command[0], command, variables)  # pytest itself gets the Ctrl-C, and sums up
    return subprocess.run(command, env=variables).returncode


def side_by_side(rest: Sequence[str]) -> Sequence[str]:
    """Options that run the whole suite in two processes, by pytest-xdist. None for who names tests,
    debugs, or says in how many."""
    chosen = {"-s", "--pdb", "--trace", "--collect-only", "--co"} & set(rest)
    chosen |= {word for word in rest if word.startswith(("-n", "--numprocesses", "--dist"))}
    chosen |= {word for word in rest if (PROJECT_ROOT / word.partition("::")[0]).exists()}
    if chosen or (os.cpu_count() or 1) < 2 or importlib.util.find_spec("xdist") is None:
        return ()
    # tests/conftest.py says what stays together, and puts the longest first
    return ("-n", "2", "--dist", "loadscope", "--no-loadscope-reorder")


def _doctor(options: argparse.Namespace) -> None:
    from labs.devices import discover, doctor_json, doctor_text

    discovery = discover(refresh=options.refresh)
    if options.json:
        print(json.dumps(doctor_json(discovery), indent=2))
    else:
        print(doctor_text(discovery))


def _bench(options: argparse.Namespace) -> int:
    if options.report:
        _must_be_report(options.report)
    if options.scheduler:
        return _bench_fleet(options)
    path = _new_result_file(options.json, options.suite or "bench")
    results = _measure_suite(options, path) if options.suite else _measure_all(options, path)
    if options.suite:
        print(results)
    if options.report or not options.suite:
        from labs.engineering import make_report

        report = make_report([results])
        if not options.suite:
            print(report)
        if options.report:
            print(f"Report in {report.save(options.report)}", file=sys.stderr)
    print(f"Saved in {path}", file=sys.stderr)
    if results.stop_reason not in ("complete", "ended by its budget"):
        print(f"Not complete. To continue: the same command with --json {path}", file=sys.stderr)
        return INTERRUPTED
    return 1 if results.failures else 0


def _measure_suite(options: argparse.Namespace, path: Path):
    """A named suite, or one workload."""
    from labs.bench import measure_isolated, progress_bar
    from labs.devices import discover

    given = {"rounds": options.rounds, "round_time_s": options.round_time}
    return measure_isolated(
        options.suite,
        options.device or discover().fast,
        **{name: value for name, value in given.items() if value is not None},
        cache=options.cache,
        clock=options.clock,
        mode=options.mode,
        path=path,
        progress=progress_bar(),
    )


def _measure_all(options: argparse.Namespace, path: Path):
    """The comprehensive suite: it chooses clocks, modes and the length of rounds by itself."""
    from labs.bench import progress_bar
    from labs.engineering import CrossDevicePerformanceEngineer

    own = {"--round-time": options.round_time is not None, "--cache": options.cache != "warm"}
    own |= {"--clock": options.clock != "wall", "--mode": options.mode != "jit"}
    if given := [name for name, is_given in own.items() if is_given]:
        raise ResultError(
            f"measure the comprehensive suite with {', '.join(given)}",
            expected="--device, --size, --budget and --rounds: it chooses the rest by the case",
            got=", ".join(given),
            next_step="name a suite or a workload with --suite",
        )
    budget = {} if options.budget is None else {"budget_s": options.budget}
    return CrossDevicePerformanceEngineer().comprehensive_device_benchmark(
        options.device or None,
        size=options.size,
        rounds=options.rounds,
        path=path,
        progress=progress_bar(),
        **budget,
    )


def _bench_fleet(options: argparse.Namespace) -> int:
    from labs.bench import progress_bar
    from labs.engineering.fleet import benchmark_fleet

    if options.suite:
        raise ResultError(
            f"measure the suite '{options.suite}' on a fleet",
            expected="no --suite: every host measures the comprehensive one",
            got=f"--suite {options.suite}",
            next_step="leave --suite out, and choose --device, --size and --budget",
        )
    stem = Path(options.json).absolute() if options.json else results_dir() / "fleet.json"
    budget = {} if options.budget is None else {"budget_s": options.budget}
    fleet = benchmark_fleet(
        options.scheduler,
        devices=options.device or None,
        size=options.size,
        rounds=options.rounds,
        path=stem,
        progress=progress_bar(),
        **budget,
    )
    print(fleet)
    for host, file in fleet.files.items():
        print(f"Results of {host} in {file}", file=sys.stderr)
    if options.report and fleet.results:
        print(f"Report in {fleet.report().save(options.report)}", file=sys.stderr)
    failed = any(r.failures for r in fleet.results.values())
    return 1 if fleet.failures or failed else 0


def _must_be_report(name: str) -> None:
    """Said before the run: minutes of work must not be lost to a mistyped name."""
    path = Path(name)
    known = (".html", ".md", ".json")
    if path.suffix.lower() in known and path.absolute().parent.is_dir() and not path.is_dir():
        return
    raise ResultError(
        f"write the report to {name}",
        expected=f"a file in a folder that exists, ending in {', '.join(known)}",
        got=f"'{path.suffix}'" if path.absolute().parent.is_dir() else f"no folder {path.parent}",
        next_step="name it report.html, report.md or report.json",
    )


def _new_result_file(name: str | None, suite: str) -> Path:
    """A file for results: new, or holding a run that can be continued."""
    from labs.bench import load_results

    if name is None:
        stem = re.sub(r"[^\w.-]+", "-", suite)
        return results_dir() / f"{stem}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path = Path(name).absolute()  # the measuring process has another working directory
    if path.exists() and load_results(path).stop_reason == "complete":
        raise ResultError(
            f"Save the results in {name}",
            expected="a new file, or one that holds an unfinished run",
            got="the results of a finished run",
            next_step="name another file, or delete this one",
        )
    return path


def _conformance(options: argparse.Namespace) -> int:
    from labs.backends.conformance.command import conformance_command
    from labs.bench import progress_bar

    return conformance_command(options, progress_bar)


def _validate(options: argparse.Namespace) -> int:
    from labs.bench import progress_bar
    from labs.electrical.report.command import validate_command

    return validate_command(options, progress_bar)


def _compare(options: argparse.Namespace) -> None:
    from labs.bench import compare_sets, load_results
    from labs.engineering.versions import statement

    baseline, candidate = load_results(options.baseline), load_results(options.candidate)
    compared = compare_sets(baseline, candidate)
    if text := statement(baseline, candidate):
        print(f"{text}\n")
    print(compared)


def _check(options: argparse.Namespace) -> int:
    from labs.grading import check_command

    return check_command(options.id)


def _hint(options: argparse.Namespace) -> None:
    from labs.grading import hint

    print(hint(options.id))


def _progress(options: argparse.Namespace) -> None:
    from labs.grading import progress

    print(progress())


def _build(options: argparse.Namespace) -> None:
    from labs import environment_files
    from labs.build import main_build

    lines = list(main_build(options.names, check=options.check, execute=options.execute))
    if not options.check and not options.names:
        lines += environment_files.write()
    print("\n".join(lines) or "everything is as its source says")


# **************** the command line ****************


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="course.py", description="Day 4: Runtime Backends & Device Programming"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    def add(name: str, run, text: str) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        return command

    lab = add("lab", _lab, "open JupyterLab on the first notebook")
    lab.add_argument("--no-browser", dest="browser", action="store_false")
    lab.add_argument("--port", type=int, help="default: the first free one from 8888")
    lab.add_argument("--ip", default="127.0.0.1", help="address to listen on (this machine only)")
    add("test", _test, "run the test suite; -k, -m, -x and everything else go to pytest")
    doctor = add("doctor", _doctor, "what this machine has, and what would fix the rest")
    doctor.add_argument("--json", action="store_true", help="for machines")
    doctor.add_argument("--refresh", action="store_true", help="probe again")
    bench = add("bench", _bench, "measure all devices, or the workloads of a suite on some")
    bench.add_argument("--device", action="append", default=[], metavar="D", help="repeatable")
    one = "its name, or one workload such as matmul:n=512; default: the comprehensive suite"
    bench.add_argument("--suite", help=one)
    bench.add_argument("--size", default="full", help="of the comprehensive suite: full or small")
    bench.add_argument("--budget", type=float, metavar="SECONDS", help="of it, for everything")
    bench.add_argument("--report", metavar="F", help="a report: F.html, F.md or F.json")
    fleet = "a Dask scheduler such as tcp://host:8786: the suite on each host of its workers"
    bench.add_argument("--scheduler", metavar="ADDRESS", help=fleet)
    bench.add_argument("--rounds", type=int, metavar="N")
    bench.add_argument("--round-time", type=float, metavar="SECONDS", help="at most")
    bench.add_argument("--cache", default="warm", help="warm or cold")
    bench.add_argument("--clock", default="wall", help="wall or device")
    bench.add_argument("--mode", default="jit", help="jit or eager")
    bench.add_argument("--json", metavar="F", help="result file; an unfinished run is continued")
    compare = add("compare", _compare, "two result files: faster, slower or not resolved")
    compare.add_argument("baseline")
    compare.add_argument("candidate")
    test = add("conformance", _conformance, "the backend conformance suite on any device")
    own = "CPU, CL, ...; your own as NAME=package.module, NAME=file.py or NAME=folder"
    test.add_argument("device", metavar="DEVICE", help=own)
    some = "repeatable; a group, or cases such as 'reduce/sum/*'; default: all"
    test.add_argument("--group", action="append", metavar="G", help=some)
    test.add_argument("--size", default="full", help="full, or small for an emulated device")
    test.add_argument("--seed", type=int, default=0, help="of the random inputs")
    test.add_argument("--timeout", type=float, metavar="SECONDS", help="for one case")
    test.add_argument("--json", metavar="F", help="the result for machines; - is stdout")
    test.add_argument("--junit", metavar="F", help="the result as JUnit XML")
    test.add_argument("--html", metavar="F", help="the result as a page")
    checkout = "a tinygrad checkout, whose tests are run as well"
    test.add_argument("--tinygrad-tests", metavar="PATH", help=checkout)
    judge = add("validate", _validate, "an electrical record against a limit file: a verdict")
    judge.add_argument("specification", metavar="SPEC", help="the limit file, in YAML")
    known = "COMTRADE (.cfg or .cff), TDMS, WAV, CSV, SigMF, or raw int16 with its sidecar"
    judge.add_argument("record", metavar="RECORD", help=known)
    judge.add_argument("--device", metavar="D", help="default: ELECTRICAL, else CPU")
    judge.add_argument("--json", metavar="F", help="the result for machines; - is stdout")
    judge.add_argument("--html", metavar="F", help="a page with the waveform at each violation")
    judge.add_argument("--junit", metavar="F", help="the result as JUnit XML")
    given = "of the record's reader, repeatable, such as delimiter=;"
    judge.add_argument("--option", action="append", default=[], metavar="NAME=VALUE", help=given)
    check = add("check", _check, "check the exercises that you have saved in the notebooks")
    check.add_argument("id", nargs="?", help="an exercise such as 1.3; default: all")
    hint = add("hint", _hint, "the next hint for an exercise")
    hint.add_argument("id")
    add("progress", _progress, "what you have solved so far")
    build = add("build", _build, "make the notebooks from their single source")
    build.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    build.add_argument("--check", action="store_true", help="change nothing, fail on drift")
    build.add_argument("--execute", action="store_true", help="run the solutions, keep outputs")
    return parser


if __name__ == "__main__":
    sys.exit(main())

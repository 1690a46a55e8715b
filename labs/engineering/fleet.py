"""The suite on every host of a Dask scheduler's workers: one result file and profile for each.

    scheduler host:  dask scheduler
    every host:      dask worker tcp://SCHEDULER:8786 --nthreads 1
    anywhere:        python3 course.py bench --scheduler tcp://SCHEDULER:8786 --report fleet.html

A host measures once, on one of its workers; the others stand by, and take over when that one dies.
"""

import time
import uuid
from collections.abc import Iterable, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from labs.bench.files import load_results
from labs.bench.results import ResultSet
from labs.bench.runner import Progress
from labs.engineering.fleet_worker import identity, measure_here
from labs.engineering.recording import write_text
from labs.errors import LabError
from labs.tables import Table, TableView

CONNECT_S = 10.0
RETRIES = 2  # of a host whose measuring raises
_MOMENT_S = 0.5
_SPARE = 3.0  # budgets that a host may take before it is given up: workers may die meanwhile
_LEAST_WAIT_S = 120.0
_SAME = ("course", "tinygrad")  # versions that must be the client's


@dataclass(frozen=True, repr=False)
class Fleet(TableView):
    """What the hosts measured.

    Args:
        results: host -> its results.
        failures: host -> why it has none.
        files: host -> its result file.
        workers: host -> addresses of its workers.
    """

    results: Mapping[str, ResultSet]
    failures: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, Path] = field(default_factory=dict)
    workers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def table(self) -> Table:
        """One row per host."""
        rows = [
            (host, len(self.workers.get(host, ())), ", ".join(r.devices), len(r), r.stop_reason)
            for host, r in self.results.items()
        ]
        rows += [
            (host, len(self.workers.get(host, ())), None, None, why)
            for host, why in self.failures.items()
        ]
        columns = ("host", "workers", "devices", "results", "ended, or why not")
        return Table("Fleet", columns, tuple(rows))

    def report(self):
        """One Report with the profiles of all hosts."""
        from labs.engineering.report import make_report

        return make_report(list(self.results.values()), failures=self.failures)


def benchmark_fleet(
    scheduler: str,
    *,
    devices: Iterable[str] | None = None,
    size: str = "full",
    sections: Iterable[str] | None = None,
    budget_s: float = 240.0,
    rounds: int | None = None,
    roofs: bool = True,
    energy: bool = True,
    path: str | Path | None = None,
    progress: Progress | None = None,
    timeout_s: float | None = None,
    connect_s: float = CONNECT_S,
) -> Fleet:
    """The comprehensive suite on each host that a scheduler has workers on.

    Args:
        scheduler: its address, such as "tcp://10.0.0.1:8786".
        devices, size, sections, budget_s, rounds, roofs, energy: of the benchmark on every host.
        path: result files are written beside it, with the host's name: "a.json" -> "a-HOST.json".
            Each is written when its host is done.
        progress: called with (hosts that are done, hosts, text).
        timeout_s: for the whole fleet; three budgets, and two minutes at least, when None.
        connect_s: for reaching the scheduler.

    Raises:
        LabError: when the scheduler can't be reached, has no workers, or none of them has this
            version of the course and of tinygrad.
    """
    chosen = {
        "devices": list(devices) if devices is not None else None,
        "size": size,
        "sections": list(sections) if sections is not None else None,
        "budget_s": budget_s,
        "rounds": rounds,
        "roofs": roofs,
        "energy": energy,
    }
    limit_s = timeout_s or max(_LEAST_WAIT_S, _SPARE * budget_s)
    with _connected(scheduler, connect_s) as client:
        hosts, failures, workers = _hosts(client, scheduler)
        run = uuid.uuid4().hex[:12]
        tasks = {
            host: client.submit(
                measure_here,
                chosen,
                run,
                workers=places(host, workers),
                allow_other_workers=False,
                pure=False,
                retries=RETRIES,
                key=f"bench-{host}-{run}",
            )
            for host in hosts
        }
        texts = _gathered(client, tasks, failures, limit_s, progress)
        results, files = _kept(texts, Path(path) if path is not None else None, failures)
    return Fleet(results, failures, files, workers)


def places(host: str, workers: Mapping[str, Iterable[str]]) -> list[str]:
    """Where the task of a host may run: anywhere at its network address, so that a worker that was
    started again may take it, unless another host has the same address."""
    mine = {_address(w) for w in workers[host]}
    others = {_address(w) for h, ws in workers.items() if h != host for w in ws}
    return sorted(workers[host]) if mine & others else sorted(mine)


def group_hosts(
    answers: Mapping[str, Mapping[str, str]], mine: Mapping[str, str]
) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Workers by host, and the hosts that can't take part: host -> why.

    Args:
        answers: worker's address -> its `identity()`, or {"error": ...} when it has none.
        mine: the client's own.
    """
    hosts: dict[str, list[str]] = {}
    refused: dict[str, str] = {}
    for address, answer in answers.items():
        name = answer.get("hostname") or address
        if "error" in answer:
            refused[name] = f"its worker can't load the course: {answer['error']}"
            continue
        other = [f"{k} {answer[k]} where here is {mine[k]}" for k in _SAME if answer[k] != mine[k]]
        if other:
            refused[name] = f"another version: {', '.join(other)}"
        else:
            hosts.setdefault(name, []).append(address)
    return hosts, {host: why for host, why in refused.items() if host not in hosts}


def _address(worker: str) -> str:
    """'tcp://10.0.0.2:39001' -> '10.0.0.2'."""
    return worker.rpartition("://")[2].rpartition(":")[0]


@contextmanager
def _connected(scheduler: str, connect_s: float):
    from distributed import Client

    try:
        client = Client(scheduler, timeout=connect_s, set_as_default=False)
    except (OSError, TimeoutError, ValueError, RuntimeError) as error:
        raise LabError(
            f"reach the scheduler '{scheduler}'",
            expected="the address of a running `dask scheduler`, such as tcp://10.0.0.1:8786",
            got=f"{type(error).__name__}: {error}",
            next_step="start one with `dask scheduler`, and take the address that it prints",
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):  # a scheduler that is gone can't be told good-bye
            client.close(timeout=5)


def _hosts(client: Any, scheduler: str):
    """Hosts that can take part, those that can't with the reason, and all workers by host."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    if not known:
        raise LabError(
            f"measure with the workers of '{scheduler}'",
            expected="at least one worker",
            got="a scheduler without workers",
            next_step=f"start one on each host: dask worker {scheduler} --nthreads 1",
        )
    answers = _asked(client, list(known))
    mine = identity()
    hosts, failures = group_hosts(answers, mine)
    if not hosts:
        raise LabError(
            f"measure with the workers of '{scheduler}'",
            expected=f"workers with course {mine['course']} and tinygrad {mine['tinygrad']}",
            got="; ".join(f"{host}: {why}" for host, why in failures.items()),
            next_step="install this version of the course on the hosts: git pull, then course.py",
        )
    return hosts, failures, {host: tuple(addresses) for host, addresses in hosts.items()}


def _asked(client: Any, addresses: list[str]) -> dict[str, dict[str, str]]:
    answers: dict[str, dict[str, str]] = {}
    for address in addresses:
        try:
            answers |= client.run(identity, workers=[address], on_error="raise")
        except Exception as error:  # what the worker raised: another course, or none
            answers[address] = {"error": f"{type(error).__name__}: {error}"}
    return answers


def _gathered(
    client: Any,
    tasks: dict[str, Any],
    failures: dict[str, str],
    limit_s: float,
    progress: Progress | None,
) -> dict[str, str]:
    """The texts of the result files; Ctrl-C and a lost scheduler keep what has arrived."""
    texts: dict[str, str] = {}
    waiting = dict(tasks)
    until = time.monotonic() + limit_s
    try:
        while waiting and time.monotonic() < until:
            for host, task in list(waiting.items()):
                if not task.done():
                    continue
                del waiting[host]
                if task.status == "finished":
                    texts[host] = task.result()
                else:
                    failures[host] = _why(task)
            if progress is not None:
                done = len(tasks) - len(waiting)
                progress(done, len(tasks), f"measuring on {', '.join(waiting)}" if waiting else "")
            if waiting:
                _next_end(client, list(waiting.values()))
    except KeyboardInterrupt:
        failures |= dict.fromkeys(waiting, "interrupted")
    except Exception as error:  # the scheduler is gone
        failures |= dict.fromkeys(waiting, f"the scheduler was lost: {error}")
    else:
        failures |= dict.fromkeys(waiting, f"no answer within {limit_s:.0f} s")
    for host in waiting:
        with suppress(Exception):
            client.cancel(tasks[host], force=True)
    return texts


def _next_end(client: Any, tasks: list[Any]) -> None:
    """Waits until one of the tasks has ended, and a moment at most, so that progress shows."""
    from distributed import wait
    from distributed.client import CancelledError

    # wait() asks the current client, and ours is no default one; a cancelled task has ended, too
    with client.as_current(), suppress(TimeoutError, CancelledError):
        wait(tasks, timeout=_MOMENT_S, return_when="FIRST_COMPLETED")


def _why(task: Any) -> str:
    if task.status == "cancelled" or task.status == "lost":
        return "its workers are gone"
    error = task.exception()
    return f"{type(error).__name__}: {error}"


def _kept(
    texts: Mapping[str, str], path: Path | None, failures: dict[str, str]
) -> tuple[dict[str, ResultSet], dict[str, Path]]:
    """The results, read back as `compare` would read them, and their files."""
    import tempfile

    results: dict[str, ResultSet] = {}
    files: dict[str, Path] = {}
    with tempfile.TemporaryDirectory(prefix="fleet-") as folder:
        for host, text in texts.items():
            if path is not None:
                file = path.with_name(f"{path.stem}-{host}{path.suffix or '.json'}")
                try:
                    files[host] = write_text(text, file)
                except LabError as error:  # a full disk here costs the file, not the results
                    failures[f"the file of {host}"] = error.got
            copy = write_text(text, Path(folder) / "results.json")
            results[host] = load_results(copy)
    return results, files

"""Compile workers of our own: a compiler that takes minutes over a candidate is ended, not awaited.

tinygrad's own pool waits for ever (also for a device class that a worker can't import), so it isn't
used here. A worker that can't be had, such as for a backend written in a notebook, is replaced by
compiling in this process, without a time limit but with the same limit on the code's length.
"""

import os
import pickle
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from labs import toolchain
from labs.gpu.tuning.candidate import Candidate, compile_candidate
from labs.gpu.tuning.worker import read_message, write_message
from labs.paths import PROJECT_ROOT

toolchain.activate()

from tinygrad.codegen import to_program_context
from tinygrad.codegen.opt import Opt
from tinygrad.renderer import Renderer
from tinygrad.uop.ops import UOp

START_TIMEOUT_S = 60.0  # importing tinygrad on a busy machine
_POLL_S = 0.05
_MOST_WORKERS = 8
_JOBS_BEFORE_RESTART = 200  # tinygrad keeps things; tinygrad's own pool restarts its workers, too


@dataclass(frozen=True)
class Refused:
    """A candidate that wasn't compiled, and why."""

    opts: tuple[Opt, ...]
    reason: str


class Farm:
    """Compiles candidates for one renderer; use it in a `with`.

    Args:
        timeout_s: how long one candidate may take.
        limit: UOps that a candidate's code may have.
        workers: processes; 0 compiles in this one.
    """

    def __init__(
        self, renderer: Renderer, *, timeout_s: float, limit: int, workers: int | None = None
    ) -> None:
        self.timeout_s, self.limit = timeout_s, limit
        self.note = ""
        # a renderer of our own: its compiler is taken out while it writes
        self._renderer = type(renderer)(renderer.target)
        self._setup = {
            "path": list(sys.path),
            "settings": {v.key: v.value for v in to_program_context},
            "renderer": b"",
        }
        wanted = min(os.cpu_count() or 1, _MOST_WORKERS) if workers is None else workers
        try:
            self._setup["renderer"] = pickle.dumps(renderer)
        except Exception as error:  # a class of a notebook's cell, or edited since
            wanted, self.note = 0, f"compiled in this process: {type(error).__name__}: {error}"
        self._workers = [_Worker(self._setup) for _ in range(wanted)]

    def __enter__(self) -> "Farm":
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    @property
    def width(self) -> int:
        """How many candidates are compiled at the same time."""
        return max(1, len(self._workers))

    def compile(
        self,
        ast: UOp,
        batch: Sequence[tuple[Opt, ...]],
        stop: Callable[[], bool] = lambda: False,
    ) -> Iterator[Candidate | Refused]:
        """Compile these, several at a time; they come as they are ready.

        Args:
            stop: asked while waiting; True leaves out what isn't ready.
        """
        left = list(reversed(batch))
        while (left or any(w.busy for w in self._workers)) and not stop():
            if not self._workers:
                yield self._here(ast, left.pop())
                continue
            for worker in self._workers:
                if left and worker.idle():
                    opts = left.pop()
                    worker.give(opts, pickle.dumps((ast, opts, self.limit)))
            for worker in list(self._workers):
                result = worker.poll(self.timeout_s, _POLL_S / self.width)
                if result is not None:
                    yield result
                if worker.unfit:
                    left += [worker.job] if worker.busy else []
                    self.note = f"compiled in this process: {worker.unfit}"
                    self._end(worker)
        for worker in self._workers:
            if worker.busy:  # stopped: what is under way would be in the next batch's way
                worker.end()

    def close(self) -> None:
        for worker in list(self._workers):
            self._end(worker)

    def _end(self, worker: "_Worker") -> None:
        worker.end()
        self._workers.remove(worker)

    def _here(self, ast: UOp, opts: tuple[Opt, ...]) -> Candidate | Refused:
        try:
            return compile_candidate(ast, opts, self._renderer, self.limit)
        except Exception as error:  # what a code generator or a compiler raises
            return Refused(opts, f"{type(error).__name__}: {error}")


class _Worker:
    """One process; started when it is first needed, and again after it was ended."""

    def __init__(self, setup: dict[str, object]) -> None:
        self._setup = setup
        self._child: subprocess.Popen | None = None
        self._heard: queue.SimpleQueue = queue.SimpleQueue()
        self._ready, self._jobs, self._since = False, 0, 0.0
        self.job: tuple[Opt, ...] | None = None
        self.unfit = ""
        self.start()

    def start(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "labs.gpu.tuning.worker"],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # a terminal's Ctrl-C reaches us alone, and we end the child
        )
        self._heard = queue.SimpleQueue()
        self._ready, self._jobs, self._since = False, 0, time.monotonic()
        self._send(self._setup)
        threading.Thread(
            target=_listen, args=(self._child.stdout, self._heard), daemon=True
        ).start()

    @property
    def busy(self) -> bool:
        return self.job is not None  # no options at all is a job, too

    def idle(self) -> bool:
        return not self.busy and not self.unfit

    def give(self, opts: tuple[Opt, ...], job: bytes) -> None:
        if self._child is None or self._jobs >= _JOBS_BEFORE_RESTART:
            self.end()
            self.start()
        self.job, self._since, self._jobs = opts, time.monotonic(), self._jobs + 1
        self._send(job)

    def poll(self, timeout_s: float, wait_s: float) -> Candidate | Refused | None:
        """What it has to say, waiting a moment; None for nothing yet."""
        if not self.busy:
            return None
        try:
            kind, value = self._heard.get(timeout=wait_s)
        except queue.Empty:
            # a worker that is still starting has its own, longer limit
            if time.monotonic() - self._since > (timeout_s if self._ready else START_TIMEOUT_S):
                return self._give_up(f"took longer than {timeout_s:g} s to compile")
            return None
        if kind == "ready":
            self._ready, self._since = True, time.monotonic()
            return None
        if kind == "unfit":
            self.unfit = value
            return None
        if kind == "closed":
            if not self._ready:
                self.unfit = "the compile worker ended before it was ready"
                return None
            return self._give_up("the compiler's process died")
        opts, self.job = self.job, None
        return value if kind == "done" else Refused(opts, value)

    def _give_up(self, reason: str) -> Refused:
        opts = self.job
        self.end()
        return Refused(opts, reason)

    def end(self) -> None:
        """The process and the compiler it may have started."""
        self.job = None
        child, self._child = self._child, None
        if child is None:
            return
        with suppress(psutil.Error):
            for process in psutil.Process(child.pid).children(recursive=True):
                with suppress(psutil.Error):
                    process.kill()
        child.kill()
        child.wait()
        child.stdin.close()

    def _send(self, message: object) -> None:
        with suppress(OSError):  # it died: the listener says so
            write_message(self._child.stdin, message)


def _listen(stream, heard: queue.SimpleQueue) -> None:
    with suppress(Exception):  # a stream that was closed, or cut in the middle of a message
        while (message := read_message(stream)) is not None:
            heard.put(message)
    heard.put(("closed", ""))
    with suppress(OSError):
        stream.close()

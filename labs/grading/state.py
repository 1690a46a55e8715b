"""What a reader has done so far: attempts, predictions and hints in one sqlite file.

Safe against two kernels writing at once (each change is one transaction, the others wait), against
a damaged file (moved aside, a new one begun) and against a folder that can't be written (kept in
memory until the kernel ends). None of these stops a check: `take_note` says what happened.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from labs.paths import state_dir

VERSION = 1
BUSY_TIMEOUT_S = 10.0  # a writer holds the file for milliseconds; ten seconds means it is stuck
_TABLES = (
    "CREATE TABLE attempts (at REAL NOT NULL, exercise TEXT NOT NULL, status TEXT NOT NULL,"
    " points INTEGER NOT NULL, seed INTEGER)",
    "CREATE TABLE predictions (exercise TEXT PRIMARY KEY, at REAL NOT NULL, value,"
    " unit TEXT NOT NULL)",
    "CREATE TABLE hints (at REAL NOT NULL, exercise TEXT NOT NULL, level INTEGER NOT NULL)",
)
_BROKEN = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
T = TypeVar("T")


@dataclass(frozen=True)
class Standing:
    """One exercise so far.

    Args:
        status: "passed" once it was passed, else the last status.
        attempts: how many checks were run.
        hints: the deepest hint level that was shown.
    """

    status: str
    attempts: int
    hints: int


class State:
    """The state file at `path`; a file that does not exist is begun."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._memory: sqlite3.Connection | None = None
        self._lasting_note = ""
        self._once_note = ""
        self._lock = threading.Lock()

    def add_attempt(self, exercise: str, status: str, points: int, seed: int | None) -> None:
        row = (time.time(), exercise, status, points, seed)
        self._run(lambda db: db.execute("INSERT INTO attempts VALUES (?, ?, ?, ?, ?)", row))

    def add_hint(self, exercise: str, level: int | None, deepest: int) -> int:
        """Record a hint; return its level: the given one, else one beyond the deepest so far."""

        def work(db: sqlite3.Connection) -> int:
            query = "SELECT coalesce(max(level), 0) FROM hints WHERE exercise = ?"
            (used,) = db.execute(query, (exercise,)).fetchone()
            shown = min(used + 1, deepest) if level is None else level
            db.execute("INSERT INTO hints VALUES (?, ?, ?)", (time.time(), exercise, shown))
            return shown

        return self._run(work)

    def set_prediction(self, exercise: str, value: float | str, unit: str) -> None:
        row = (exercise, time.time(), value, unit)
        self._run(lambda db: db.execute("REPLACE INTO predictions VALUES (?, ?, ?, ?)", row))

    def prediction(self, exercise: str) -> tuple[float | str, str] | None:
        """(value, unit), or None when nothing was predicted."""
        query = "SELECT value, unit FROM predictions WHERE exercise = ?"
        return self._run(lambda db: db.execute(query, (exercise,)).fetchone())

    def standings(self) -> dict[str, Standing]:
        """Every exercise that was checked or hinted at."""

        def work(db: sqlite3.Connection) -> tuple[list, list]:
            attempts = db.execute("SELECT exercise, status FROM attempts ORDER BY at, rowid")
            hints = db.execute("SELECT exercise, max(level) FROM hints GROUP BY exercise")
            return attempts.fetchall(), hints.fetchall()

        attempts, hints = self._run(work)
        found = {exercise: Standing("not-attempted", 0, level) for exercise, level in hints}
        for exercise, status in attempts:
            old = found.get(exercise, Standing("", 0, 0))
            kept = "passed" if old.status == "passed" else status
            found[exercise] = Standing(kept, old.attempts + 1, old.hints)
        return found

    def take_note(self) -> str:
        """What the reader should know about this file; a one-time note is given once."""
        notes, self._once_note = (self._once_note, self._lasting_note), ""
        return " ".join(n for n in notes if n)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with self._lock:
            if self._memory is None:
                try:
                    return self._on_file(work)
                except (sqlite3.Error, OSError) as error:
                    trouble: Exception = error
                if _is_broken(trouble):
                    try:
                        self._set_aside()
                        return self._on_file(work)
                    except (sqlite3.Error, OSError) as error:
                        trouble = error
                self._memory = self._in_memory(trouble)
            with self._memory as memory:
                return work(memory)

    def _on_file(self, work: Callable[[sqlite3.Connection], T]) -> T:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(_connect(self.path)) as db:
            # taking the write lock first makes a second kernel wait instead of failing half-way
            db.execute("BEGIN IMMEDIATE")
            try:
                _prepare(db)
                result = work(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return result

    def _set_aside(self) -> None:
        try:  # another kernel may have repaired it since
            self._on_file(lambda db: None)
            return
        except (sqlite3.Error, OSError) as error:
            if not _is_broken(error):
                raise
        stamp = time.strftime("%Y%m%d-%H%M%S")
        target = self.path.with_name(f"{self.path.name}.damaged-{stamp}-{os.getpid()}")
        os.replace(self.path, target)
        # a journal that stays behind would be played back into the new file
        for suffix in ("-journal", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._once_note = (
            f"The progress file could not be read; it was kept as {target.name}, "
            "and a new one was begun."
        )

    def _in_memory(self, error: Exception) -> sqlite3.Connection:
        memory = sqlite3.connect(":memory:", check_same_thread=False)
        try:  # what can still be read stays visible
            with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", uri=True)) as old:
                old.backup(memory)
        except (sqlite3.Error, OSError, ValueError):
            memory = sqlite3.connect(":memory:", check_same_thread=False)
        try:
            _prepare(memory)
        except sqlite3.Error:
            memory = sqlite3.connect(":memory:", check_same_thread=False)
            _prepare(memory)
        memory.commit()
        self._lasting_note = (
            f"Progress is not kept after this kernel ends: {self.path.name} can't be "
            f"written ({_reason(error)})."
        )
        return memory


def state() -> State:
    """The state of this process: the file named by COURSE_STATE, else progress.sqlite."""
    name = os.environ.get("COURSE_STATE")
    key = name or f"{os.environ.get('COURSE_HOME')}"
    if key not in _OPEN:
        _OPEN[key] = State(Path(name).absolute() if name else _default_path())
    return _OPEN[key]


_OPEN: dict[str, State] = {}


def _default_path() -> Path:
    try:
        return state_dir() / "progress.sqlite"
    except OSError as error:  # the folder can't be made: State will say so when it tries to write
        return Path(error.filename or os.devnull) / "progress.sqlite"


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)


def _prepare(db: sqlite3.Connection) -> None:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    found = {sql for (sql,) in db.execute("SELECT sql FROM sqlite_master WHERE type = 'table'")}
    if version == 0 and not found:
        for statement in _TABLES:  # executescript would end the transaction
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
    elif version != VERSION or found != set(_TABLES):
        raise _NotOurs(f"version {version} of the progress file, expected {VERSION}")


class _NotOurs(sqlite3.DatabaseError):
    """A readable database that is not this course's progress file."""


def _is_broken(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return isinstance(error, _NotOurs) or (code is not None and (code & 0xFF) in _BROKEN)


def _reason(error: Exception) -> str:
    return error.strerror if isinstance(error, OSError) and error.strerror else str(error)

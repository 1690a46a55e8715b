"""The append-only log of a stream: what has been said can't be lost by what happens later.

One JSON object a line: {"crc32": "...", "entry": {...}}, the checksum over the entry's own text.
Each line is one write to a file opened for appending, so a process that dies leaves whole lines and
at most one torn one, which `read_log` finds by its checksum and leaves out.
"""

import dataclasses
import json
import math
import os
import threading
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from labs.errors import LabError, ResultError

# how often written lines are forced to the disk: what a power cut can cost. A process that is
# killed loses nothing either way.
POLICIES = ("always", "second", "never")
SYNC_S = 1.0
MOST_LINE_BYTES = 1 << 20


class VerdictLog:
    """Appends entries.

    Args:
        path: of the file; its folder must exist. A log that is there already is continued.
        sync: "always" after each line, which may take long; "second" from a thread of its own,
            once a second; "never".
    """

    def __init__(self, path: Path | str, sync: str = "second") -> None:
        asked = f"keep a log in '{path}'"
        if sync not in POLICIES:
            raise LabError(asked, expected=f"one of {', '.join(POLICIES)}", got=repr(sync))
        self.path, self._sync = Path(path), sync
        try:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = os.open(self.path, flags, 0o644)
        except OSError as error:
            raise LabError(
                asked,
                expected="a file that can be written in a folder that exists",
                got=str(error),
                next_step="choose another path",
            ) from error
        self._behind = threading.Event()  # lines that aren't on the disk yet
        self._ended = threading.Event()
        self._error: OSError | None = None
        self._mend()
        self._syncer = threading.Thread(target=self._sync_now_and_then, daemon=True)
        if sync == "second":
            self._syncer.start()

    def write(self, kind: str, **data: Any) -> None:
        """One entry: its kind, when it was written, and its data, as plain values.

        Raises:
            OSError: the disk is full, or the file is gone.
        """
        when = datetime.now().astimezone().isoformat(timespec="milliseconds")
        entry = json.dumps(
            {"kind": kind, "written": when, **{k: plain(v) for k, v in data.items()}},
            ensure_ascii=False,
            allow_nan=False,
            separators=(",", ":"),
        )
        crc = f"{zlib.crc32(entry.encode()):08x}"
        line = f'{{"crc32":"{crc}","entry":{entry}}}\n'.encode()
        while line:
            line = line[os.write(self._file, line) :]
        if self._sync == "always":
            os.fsync(self._file)
        else:
            self._behind.set()

    def close(self) -> None:
        """Everything is on the disk, unless the policy is "never".

        Raises:
            OSError: it couldn't be written there.
        """
        self._ended.set()
        self._behind.set()
        if self._syncer.ident is not None:
            self._syncer.join()
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
        if self._error is not None:
            raise self._error

    def _sync_now_and_then(self) -> None:
        try:
            while not self._ended.is_set():
                self._behind.wait()
                self._behind.clear()
                os.fsync(self._file)
                self._ended.wait(SYNC_S)
            os.fsync(self._file)
        except OSError as error:
            self._error = error

    def _mend(self) -> None:
        """After a torn last line the next one begins on a line of its own."""
        size = os.fstat(self._file).st_size
        if size and os.name == "posix" and os.pread(self._file, 1, size - 1) != b"\n":
            os.write(self._file, b"\n")


@dataclass(frozen=True)
class LogContents:
    """What a log holds.

    Attributes:
        entries: every whole entry, in order.
        rows: the data of entries of kind "row", in order.
        verdict: the data of the last "verdict", or None: the run didn't get so far.
        notes: lines that were left out, with their numbers.
        torn: whether the last line was.
    """

    entries: tuple[Mapping[str, Any], ...]
    rows: tuple[Mapping[str, Any], ...]
    verdict: Mapping[str, Any] | None
    notes: tuple[str, ...]
    torn: bool


def read_log(path: Path | str) -> LogContents:
    """Read a log, whatever became of the process that wrote it.

    Raises:
        ResultError: there is no such file.
    """
    entries, notes, number, torn = [], [], 0, False
    try:
        with open(path, "rb") as file:
            while line := file.readline(MOST_LINE_BYTES):
                number += 1
                entry = _entry(line)
                torn = entry is None and not line.endswith(b"\n")
                if entry is not None:
                    entries.append(entry)
                elif line.strip():
                    what = "is torn: the process ended while writing it" if torn else "is damaged"
                    notes.append(f"line {number} {what}; left out")
    except OSError as error:
        raise ResultError(
            f"read the log '{path}'",
            expected="a file",
            got=str(error),
            next_step="check the path",
        ) from error
    rows = tuple(e["row"] for e in entries if e.get("kind") == "row" and "row" in e)
    verdicts = [e["verdict"] for e in entries if e.get("kind") == "verdict" and "verdict" in e]
    return LogContents(tuple(entries), rows, verdicts[-1] if verdicts else None, tuple(notes), torn)


def plain(value: Any) -> Any:
    """As JSON has it: dataclasses become objects; NaN and infinity, which JSON lacks, None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = dataclasses.fields(value)
        return {f.name: plain(getattr(value, f.name)) for f in fields}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    if isinstance(value, Enum):
        return plain(value.value)
    if hasattr(value, "item") and not hasattr(value, "__len__"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _entry(line: bytes) -> Mapping[str, Any] | None:
    """A line's entry, if it is whole: the checksum is of the very text that was written."""
    head, _, rest = line.rstrip(b"\r\n").partition(b',"entry":')
    if not head.startswith(b'{"crc32":"') or not rest.endswith(b"}"):
        return None
    text = rest[:-1]
    if head[10:18].decode("ascii", "replace") != f"{zlib.crc32(text):08x}":
        return None
    try:
        entry = json.loads(text)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None

"""One set-up at a time: the second waits for the first, and takes over from one that died.

The system's own file locks, because they end with the process that holds them, whatever killed it.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from labs.bootstrap import progress

POLL_S = 0.2  # asked again and again: a blocking lock would not let Windows see a Ctrl-C


@contextmanager
def only_one(path: Path) -> Iterator[int]:
    """Hold the lock; yields its file descriptor, which a child process can hold on to as well."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _try(file):
            holder = os.pread(file, 20, 0).decode() if hasattr(os, "pread") else ""
            progress.say(
                f"Another course.py is setting up {holder and f'(process {holder})'}, "
                "waiting for it"
            )
            while not _try(file):
                time.sleep(POLL_S)
        os.ftruncate(file, 0)
        os.write(file, str(os.getpid()).encode())
        yield file
    finally:
        os.close(file)


def _try(file: int) -> bool:
    """Take the lock if it is free, or if the file system has no locks to wait for."""
    if os.name == "nt":
        import msvcrt

        os.lseek(file, 1 << 20, os.SEEK_SET)  # beyond the text: locked bytes can't be read
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(file, 0, os.SEEK_SET)
        return True
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        with suppress(OSError):
            progress.say("(this disk has no file locks: don't start two set-ups at once)")
    return True

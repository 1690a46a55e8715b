"""Compiling in a thread that isn't the main one.

tinygrad 0.14.0 keeps one SQLite connection for its kernel cache, which SQLite refuses to use in
another thread than the one that opened it. A test executive runs each test in a thread of its own,
and a dashboard prepares its stream in one; both call `share_kernel_cache` first.
"""

import sqlite3
import threading

from labs import toolchain

toolchain.activate()

from tinygrad import helpers

_own = threading.local()
_original = helpers.db_connection


def share_kernel_cache() -> None:
    """From now on each thread has its own connection to the same cache. Harmless if repeated."""
    helpers.db_connection = _connection


def _connection() -> sqlite3.Connection:
    """This thread's connection; the main thread keeps tinygrad's own."""
    if threading.current_thread() is threading.main_thread():
        return _original()
    if getattr(_own, "path", None) != helpers.CACHEDB:
        # the same settings as tinygrad's; the file itself remembers that it is in WAL mode
        _own.connection = sqlite3.connect(helpers.CACHEDB, timeout=60, isolation_level="IMMEDIATE")
        _own.connection.execute("PRAGMA synchronous=NORMAL")
        _own.path = helpers.CACHEDB
    return _own.connection

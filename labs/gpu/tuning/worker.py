"""A compile worker: `python -m labs.gpu.tuning.worker`, fed by `farm.py` through its pipes.

Messages are pickles of our own parent, each with its length before it. Nothing else may reach the
pipe, so what is printed goes to stderr.
"""

import os
import pickle
import struct
import sys
from typing import Any, BinaryIO

_LENGTH = struct.Struct("<Q")


def write_message(stream: BinaryIO, message: object) -> None:
    data = pickle.dumps(message)
    stream.write(_LENGTH.pack(len(data)) + data)
    stream.flush()


def read_message(stream: BinaryIO) -> Any:
    """The next message; None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    data = stream.read(length)
    return pickle.loads(data) if len(data) == length else None


def main() -> int:
    jobs, results = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    setup = read_message(jobs)
    if setup is None:
        return 0
    sys.path[:] = setup["path"]
    try:
        renderer, compile_candidate = _prepare(setup)
    except Exception as error:  # a backend of the reader's that only the notebook knows
        write_message(results, ("unfit", f"{type(error).__name__}: {error}"))
        return 1
    write_message(results, ("ready", ""))
    while (job := read_message(jobs)) is not None:
        ast, opts, limit = pickle.loads(job)
        try:
            write_message(results, ("done", compile_candidate(ast, opts, renderer, limit)))
        except Exception as error:  # what a code generator or a compiler raises
            write_message(results, ("failed", f"{type(error).__name__}: {error}"))
    return 0


def _prepare(setup: dict[str, Any]) -> tuple[Any, Any]:
    from labs import backends
    from labs.gpu.tuning.candidate import compile_candidate

    backends.register()
    from tinygrad.helpers import Context

    # the settings that kernels depend on; a worker must not open a device
    Context(**setup["settings"], ALLOW_DEVICE_USAGE=0).__enter__()
    return pickle.loads(setup["renderer"]), compile_candidate


if __name__ == "__main__":
    sys.exit(main())

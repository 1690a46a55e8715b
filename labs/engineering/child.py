"""The suite's child process, see isolated.py."""

import json
import os
import sys

from labs.bench.__main__ import event_stream, stdin_closed
from labs.devices.answers import VARIABLE as ANSWERS
from labs.errors import LabError


def main(arguments: list[str]) -> int:
    os.environ[ANSWERS] = arguments[2]  # what the drivers told our parent a moment ago
    emit = event_stream()
    from labs.engineering.suite_run import Request, run_suite  # opens tinygrad: it may print

    try:
        data = json.loads(arguments[0])
        parts = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}
        run_suite(Request(**parts), path=arguments[1], notify=emit, cancel=stdin_closed())
    except LabError as error:
        emit(error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

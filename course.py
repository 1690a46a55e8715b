"""The course's one command. It needs Python 3.11 or newer, and nothing else.

    python3 course.py lab      sets up everything, then opens JupyterLab on the first notebook
    python3 course.py test     sets up everything, then runs the whole test suite
    python3 course.py doctor   says what this machine has, and what would fix the rest
    python3 course.py --help   lists the other commands

Set-up makes the folder .venv beside this file (the variable COURSE_VENV moves it), installs exactly
what requirements.lock names, and hands over to labs.cli inside it. A run that finds everything in
place goes on within a second; one that was interrupted is continued by the next.
"""

import os
import sys

# This file is standard library only, and down to here any Python 3 must be able to read it.
if sys.version_info < (3, 11):
    import shutil

    names = ["python3.%d" % minor for minor in range(19, 10, -1)]
    found = [name for name in names if shutil.which(name)]
    install = "install one (python.org, or your system's packages) and run course.py with it"
    sys.stderr.write("Set up the course\n  Expected: Python 3.11 or newer\n")
    sys.stderr.write("  Got:      Python %d.%d, %s\n" % (sys.version_info[:2] + (sys.executable,)))
    sys.stderr.write("  Next:     ")
    sys.stderr.write(" ".join([found[0], "course.py"] + sys.argv[1:]) if found else install)
    sys.stderr.write("\n")
    sys.exit(2)

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from labs.bootstrap.install import clean_environment, ensure
from labs.bootstrap.state import Place, SetupError, find_fault

PROJECT = Path(__file__).resolve().parent
HELP = {"-h", "--help"}


def main(arguments: Sequence[str]) -> int:
    """Set up what is missing, then run the command inside the environment."""
    place = Place(PROJECT, Path(os.environ.get("COURSE_VENV") or PROJECT / ".venv").absolute())
    try:
        if not set(arguments) - HELP and find_fault(place):
            print(__doc__)
            return 0
        ensure(place)
    except SetupError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nInterrupted. What was installed is kept: the same command continues it.",
            file=sys.stderr,
        )
        return 130
    return hand_over(place, arguments)


def hand_over(place: Place, arguments: Sequence[str]) -> int:
    """Run labs.cli inside the environment: in this process's place where the system can do that."""
    command = [str(place.python), "-P", "-m", "labs.cli", *arguments]  # -P: nothing from the cwd
    environment = clean_environment()
    environment["VIRTUAL_ENV"] = str(place.venv)  # what a notebook's !pip and a terminal find
    environment["PATH"] = str(place.python.parent) + os.pathsep + environment.get("PATH", "")
    if os.name == "posix":
        os.execve(command[0], command, environment)
    process = subprocess.Popen(command, env=environment)
    while True:
        with suppress(KeyboardInterrupt):  # the command has seen the Ctrl-C too, and decides
            return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

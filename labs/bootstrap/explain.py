"""From an installer's output to a message that a reader can act on: a table of known failures."""

import re
from collections.abc import Sequence

from labs.bootstrap.state import Place, SetupError

_SHOWN = 6  # lines of the installer's output that go into a message
_AGAIN = "then run the same command again: it continues where it stopped"

# (what the output contains, what was expected, what to do). First match wins: an installer
# without a network also says that it found no version, and only the first of the two helps.
_KNOWN = (
    (
        r"No space left on device|Errno 28|not enough space|os error (28|112)",
        "enough space on the disk",
        f"free about 2 GB, or name a place on another disk in the variable COURSE_VENV; {_AGAIN}",
    ),
    (
        r"DO NOT MATCH THE HASHES|Hash mismatch",
        "the very files that requirements.lock was made with",
        "a damaged download or a changed file: run the same command again; if it stays so, ask "
        "whoever runs your package mirror or proxy",
    ),
    (
        r"NewConnectionError|Max retries exceeded|name resolution|Name or service not known"
        r"|getaddrinfo failed|Network is unreachable|Connection refused|ProxyError|ReadTimeout"
        r"|ConnectTimeout|SSLError|dns error|error sending request|tcp connect error|timed out"
        r"|from versions: none",  # all that pip says where it may not retry
        "a connection to the package index",
        "connect to the network (behind a proxy: set HTTPS_PROXY; with a mirror: pip config set "
        f"global.index-url), {_AGAIN}",
    ),
    (
        r"Windows Long Path|long path support",
        "paths longer than 260 characters",
        f"enable Windows long paths, or move the course to a short path such as C:\\day4, {_AGAIN}",
    ),
    (
        r"No matching distribution found|no wheels with a matching|has no usable wheels"
        r"|No solution found|Failed building wheel|Failed to build",
        "a ready-made package for this Python and system",
        "run course.py with Python 3.11, 3.12 or 3.13, 64 bit",
    ),
    (
        r"Permission denied|Read-only file system|Access is denied|Errno 13|os error (13|5)\b",
        "a folder that can be written to",
        f"end programs that use the environment (JupyterLab), {_AGAIN}",
    ),
)
_SUBJECT = re.compile(
    r"(?:requirement |distribution found for |Failed to (?:fetch|download)[: ]+|Collecting )"
    r"[`'\"]?([^\s`'\"(;]+)"
)
_ERROR = re.compile(r"\s*(error|caused by)", re.IGNORECASE)


def explain(lines: Sequence[str], place: Place) -> SetupError:
    """The error for what an installer printed before it failed."""
    text = "\n".join(lines)
    unknown = ("", "an installation without errors", f"see the log, {_AGAIN}")
    pattern, expected, next_step = next((row for row in _KNOWN if re.search(row[0], text)), unknown)
    subject = _SUBJECT.findall(text)
    if subject:
        expected += f", to get {subject[-1]}"
    decisive = [line for line in lines if pattern and re.search(pattern, line)][-1:]
    errors = [line for line in lines if _ERROR.match(line)] or lines[-_SHOWN:]
    shown = list(dict.fromkeys(line.strip()[:200] for line in [*decisive, *errors]))[-_SHOWN:]
    got = "\n            ".join([*shown, f"(all of it: {place.log})"])
    return SetupError(expected=expected, got=got, next_step=next_step)

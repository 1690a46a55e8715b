from pathlib import Path

import pytest

from labs.bootstrap.explain import explain
from labs.bootstrap.state import Place

# What pip 23 to 26 and uv 0.13 print; the interesting lines of real logs.
CASES = {
    "pip, full disk": (
        "Installing collected packages: ziglang\n"
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        ["enough space on the disk", "COURSE_VENV", "No space left"],
    ),
    "pip, no network": (
        "Collecting numpy==2.4.6 (from -r requirements.lock (line 1))\n"
        "  WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...: "
        "[Errno -3] Temporary failure in name resolution')': /simple/numpy/\n"
        "ERROR: Could not find a version that satisfies the requirement numpy==2.4.6 (from "
        "versions: none)\nERROR: No matching distribution found for numpy==2.4.6",
        ["a connection to the package index, to get numpy==2.4.6", "HTTPS_PROXY"],
    ),
    "pip, no such wheel": (
        "ERROR: Could not find a version that satisfies the requirement scipy==1.18.0 (from "
        "versions: 1.2, 1.3)\nERROR: No matching distribution found for scipy==1.18.0",
        ["a ready-made package", "to get scipy==1.18.0", "Python 3.11"],
    ),
    "pip, other file": (
        "Collecting six==1.0\nERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE "
        "REQUIREMENTS FILE.\n        Expected sha256 aa\n             Got        bb",
        ["requirements.lock was made with", "to get six==1.0", "damaged download"],
    ),
    "uv, no network": (
        "error: Failed to fetch: `https://index.example/simple/alpha/`\n"
        "  Caused by: error sending request for url\n  Caused by: dns error",
        ["a connection to the package index", "index.example/simple/alpha"],
    ),
    "read-only": (
        "ERROR: Could not install packages due to an OSError: [Errno 30] Read-only file system",
        ["a folder that can be written to", "JupyterLab"],
    ),
    "unknown": ("the moon is in the wrong phase", ["without errors", "wrong phase", "log.txt"]),
}


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES)
def test_explain_then_says_what_was_expected_got_and_what_to_do(text, expected):
    message = str(explain(text.splitlines(), Place(Path("/c"), Path("/c/.venv"))))
    assert message.startswith("Set up the course\n  Expected: ")
    for words in [*expected, "Got:", "Next:"]:
        assert words in message

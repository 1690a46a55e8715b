"""Backends to try things with: copies of the worked one, each under a name of its own."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from labs import backends, toolchain
from labs.paths import PROJECT_ROOT

toolchain.activate()

WORKED = PROJECT_ROOT / "solutions" / "backends" / "ops_worked.py"


@pytest.fixture
def write_backend(tmp_path) -> Callable[..., Path]:
    """write(name, *(old, new)): a file with a working backend, changed in places."""

    def write(name: str, *changes: tuple[str, str]) -> Path:
        text = WORKED.read_text("utf-8")
        for word in ("worked", "Worked", "WORKED"):
            mine = {"worked": name.lower(), "Worked": name.capitalize(), "WORKED": name.upper()}
            text = re.sub(word, mine[word], text)
        for old, new in changes:
            assert old in text, f"{old!r} is not in the worked backend"
            text = text.replace(old, new)
        file = tmp_path / f"ops_{name.lower()}.py"
        file.write_text(text, "utf-8")
        return file

    return write


@pytest.fixture
def unregister_after():
    """Forgets at the end every backend that a test has registered."""
    before = set(backends.registered())
    yield
    for name in set(backends.registered()) - before:
        backends.unregister(name)


@pytest.fixture
def ones() -> Callable[[str], list[float]]:
    """ones(device): [3.0, 5.0, 7.0], computed there."""
    from tinygrad import Tensor

    return lambda device: (Tensor([1.0, 2.0, 3.0], device=device) * 2 + 1).tolist()


@pytest.fixture
def python() -> Callable[..., str]:
    """python(code, **variables): runs a script as a reader would; what it printed."""

    def run(code: str, **variables: str) -> str:
        environ = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **variables}
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            env=environ,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    return run

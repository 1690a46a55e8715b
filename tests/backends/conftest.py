"""Backends to try things with: copies of the worked one, each under a name of its own."""

import re
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

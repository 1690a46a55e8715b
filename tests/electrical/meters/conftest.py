"""Tests of meters run on the course's devices and share the signals of supply.py."""

import sys

import pytest

from labs import backends, toolchain
from labs.paths import PROJECT_ROOT

toolchain.activate()
backends.register()

sys.path.append(str(PROJECT_ROOT / "tests" / "electrical" / "meters"))


@pytest.fixture(autouse=True)
def _no_compile_workers():
    """Few and small kernels: starting tinygrad's compile workers costs more than they save."""
    from tinygrad import Context

    with Context(PARALLEL=0):
        yield

"""Tests of meters run on the course's devices and share the signals of supply.py."""

import sys

from labs import backends, toolchain
from labs.paths import PROJECT_ROOT

toolchain.activate()
backends.register()

sys.path.append(str(PROJECT_ROOT / "tests" / "electrical" / "meters"))

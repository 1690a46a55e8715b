"""Tests of sources share joined.py."""

import sys

from labs.paths import PROJECT_ROOT

sys.path.append(str(PROJECT_ROOT / "tests" / "electrical" / "sources"))

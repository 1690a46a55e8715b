"""Tests of the readers share record_files.py."""

import sys

from labs.paths import PROJECT_ROOT

sys.path.append(str(PROJECT_ROOT / "tests" / "electrical" / "records"))

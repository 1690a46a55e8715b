"""Tests of the pipeline's parts share the meters and the source of stream_parts.py."""

import sys

from labs import backends, toolchain
from labs.paths import PROJECT_ROOT

toolchain.activate()
backends.register()

sys.path.append(str(PROJECT_ROOT / "tests" / "electrical" / "stream"))

"""Broken and healthy devices for the debugging tools, and small tensors to run on them."""

import sys
from unittest.mock import patch

import numpy as np
import pytest

from labs import backends, toolchain
from labs.paths import PROJECT_ROOT

toolchain.activate()
backends.register()

from labs.backends import opened

sys.path.append(str(PROJECT_ROOT / "tests" / "backends"))
from faulty.faults import FAULTS, FOLDER, HEALTHY

sys.path.append(str(PROJECT_ROOT / "tests" / "debug"))
PLANTED = PROJECT_ROOT / "tests" / "debug" / "planted.py"


@pytest.fixture(scope="session")
def broken():
    """broken(name): that device, known to this process until the session ends."""
    files = {fault.device: FOLDER / f"{fault.module}.py" for fault in FAULTS}
    files |= {name: FOLDER / f"{module}.py" for name, module in HEALTHY.items()}
    files |= dict.fromkeys(("OVERRUN", "MAKESNAN", "WRITESLATER"), PLANTED)
    registered = []

    def register(name: str) -> str:
        if name not in registered:
            backends.register(name, files[name], check=False)
            registered.append(name)
        return name

    yield register
    # nobody holds a tensor of theirs any more: looking for them takes half a second each
    with patch.object(opened, "_lose_buffers", return_value=0):
        for name in registered:
            backends.unregister(name)


@pytest.fixture(scope="session")
def x():
    """5 x 7 floats on CPU, none of them zero."""
    from tinygrad import Tensor

    values = np.random.default_rng(0).uniform(0.5, 4.0, (5, 7)).astype(np.float32)
    return Tensor(values * np.resize([1, -1], (5, 7)).astype(np.float32), device="CPU").realize()

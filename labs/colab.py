"""Setting up the course on Google Colab, where there is no course.py: standard library only.

Written from Colab's documented behaviour (an IPython on a Linux machine, packages preinstalled in
one shared environment); not run there by us.
"""

import subprocess
import sys
from collections.abc import Callable, Sequence

from labs.errors import ToolchainError
from labs.paths import PROJECT_ROOT

MISSING = """\
What is different on Colab:
  - packages go into Colab's own environment: there is no .venv, and course.py isn't needed;
  - WEBGPU needs a Vulkan driver, which isn't there; CPU, and CL through PoCL, need no GPU;
  - with a GPU runtime CUDA is a device as well: choose it under Runtime > Change runtime type;
  - your progress is in .course and is gone with the machine: download it, or mount a drive.
Now restart the runtime once (Runtime > Restart session), and go on with the next cell."""


def prepare(run: Callable[[Sequence[str]], int] | None = None) -> str:
    """Install what requirements.lock pins, and say what is missing there.

    Args:
        run: runs a command and returns its exit status; for tests.

    Returns:
        The text to show.

    Raises:
        ToolchainError: pip could not install the packages.
    """
    lock = PROJECT_ROOT / "requirements.lock"
    # without --no-deps pip would ask again for what the lock has settled already
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--require-hashes"]
    command += ["-r", str(lock)]
    status = (run or (lambda c: subprocess.run(c, check=False).returncode))(command)
    if status != 0:
        raise ToolchainError(
            "install the course's packages on Colab",
            expected=f"pip to install {lock.name}",
            got=f"exit status {status}; its message is above",
            next_step="restart the runtime and run the cell again",
        )
    return MISSING

"""JupyterLab as the course starts it: on the first notebook, local, without news, and with all of
its own files in the course's folder.

A reader's Jupyter settings stay out of it (an old extension there must not break the course), so an
empty or read-only home folder works as well. Whoever sets JUPYTER_CONFIG_DIR and the like keeps
them.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from labs.paths import PROJECT_ROOT, cache_dir, state_dir

FIRST_NOTEBOOK = "notebooks/01_backend_architecture.ipynb"
CONFIG = Path(__file__).parent / "jupyter_config"  # holds what switches the news off


def environment() -> dict[str, str]:
    """The variables that keep Jupyter's, IPython's and matplotlib's files inside the course."""
    home = state_dir() / "jupyter"
    folders = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "MPLCONFIGDIR": cache_dir() / "matplotlib",
    }
    ours = {name: str(folder) for name, folder in folders.items() if not os.environ.get(name)}
    others = os.environ.get("JUPYTER_CONFIG_PATH")
    paths = [str(CONFIG)] + ([others] if others else [])
    return ours | {"JUPYTER_CONFIG_PATH": os.pathsep.join(paths)}


def arguments(*, port: int | None, ip: str, browser: bool) -> list[str]:
    """JupyterLab's command line: the project is its root, the first notebook what it shows."""
    first = f"/tree/{FIRST_NOTEBOOK}" if (PROJECT_ROOT / FIRST_NOTEBOOK).exists() else ""
    line = [
        f"--ServerApp.root_dir={PROJECT_ROOT}",
        f"--ServerApp.ip={ip}",
        f"--LabApp.default_url=/lab{first}",
        # "Open from Path" reaches the course's own folder, where a reader's backend lies
        "--ContentsManager.allow_hidden=True",
        "--LanguageServerManager.autodetect=False",  # would start node to look for servers
    ]
    if port is not None:
        line.append(f"--ServerApp.port={port}")
    if not browser:
        line.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        line.append("--allow-root")  # containers: it listens on this machine only, with a token
    return line


def run(line: Sequence[str]) -> None:
    """Serve until stopped, in this process: kernels inherit its variables."""
    os.environ.update(environment())
    from jupyterlab.labapp import LabApp

    LabApp.launch_instance(list(line))

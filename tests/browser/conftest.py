"""A real JupyterLab and a real Chromium for the browser tests.

Nothing of the reader's is touched: notebooks are copied, the home folder and the course's state are
temporary. Compiled kernels are shared with the course's own cache, which saves half a minute.
"""

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import URLError

import pytest

from labs.paths import PROJECT_ROOT, cache_dir

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",  # as root, in containers
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
# what the browser may say that is not our error -> why
BENIGN = {
    "ResizeObserver loop": "Chromium's notice that a layout took two frames",
}
START_S = 60
RUN_ALL_MS = 240_000
KERNEL_IS_IDLE = """() => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  return widget?.sessionContext?.session?.kernel?.status === 'idle';
}"""
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
OUTPUTS = """() => window.jupyterapp.shell.currentWidget.content.widgets
  .filter(cell => cell.model.type === 'code')
  .map(cell => ({count: cell.model.executionCount, outputs: cell.model.outputs.toJSON()}))"""
WITHOUT_ALT = "(images) => images.filter(i => !i.alt).map(i => i.outerHTML.slice(0, 200))"
_RUN = "import sys; from labs import jupyter; jupyter.run(sys.argv[1:])"


@dataclass
class Server:
    """A JupyterLab under test."""

    url: str
    token: str
    root: Path

    def notebook_url(self, name: str) -> str:
        return f"{self.url}/lab/tree/{name}?reset&token={self.token}"


@dataclass
class Browser:
    """A page with everything it complained about."""

    page: object
    artifacts: Path
    complaints: list[str] = field(default_factory=list)

    def errors(self) -> list[str]:
        return [c for c in self.complaints if not any(known in c for known in BENIGN)]

    def run_notebook(self, server: Server, name: str) -> None:
        """Open a notebook and run it from top to bottom: no cell fails, every image has a text."""
        if not (PROJECT_ROOT / "notebooks" / name).exists():
            pytest.skip(f"no notebooks/{name}: python3 course.py build")
        page = self.page
        page.goto(server.notebook_url(name))
        page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
        self.screenshot(f"{name[:2]}_opened")
        page.set_default_timeout(RUN_ALL_MS)
        page.evaluate(RUN_ALL)  # resolves when the last cell is done
        page.wait_for_function(KERNEL_IS_IDLE, timeout=RUN_ALL_MS)
        page.set_default_timeout(20_000)
        page.set_viewport_size({"width": 1280, "height": 2400})  # whole panels on one screenshot
        cells = page.evaluate(OUTPUTS)
        outputs = [output for cell in cells for output in cell["outputs"]]
        failed = [o for o in outputs if o["output_type"] == "error"]
        assert not failed, "\n".join(f"{o['ename']}: {o['evalue']}" for o in failed)
        assert len([c for c in cells if c["count"]]) > 20
        assert page.locator(".jp-OutputArea img").evaluate_all(WITHOUT_ALT) == []

    def screenshot(self, name: str, target: object = None) -> Path:
        """Saved as an artifact, to be looked at."""
        path = self.artifacts / f"{name}.png"
        (target or self.page).screenshot(path=path)
        return path


@pytest.fixture(scope="session")
def chromium_path() -> str:
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("no Chromium. Debian, Ubuntu: apt-get install -y chromium; then run again")
    return found


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """COURSE_ARTIFACTS, else a temporary folder, whose place the test prints."""
    chosen = os.environ.get("COURSE_ARTIFACTS")
    path = Path(chosen) if chosen else tmp_path_factory.mktemp("artifacts")
    path.mkdir(parents=True, exist_ok=True)
    print(f"screenshots: {path}")
    return path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """JupyterLab as `course.py lab` configures it, on copies of the notebooks."""
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    for notebook in (PROJECT_ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(notebook, root)
    state = home / "course"
    state.mkdir()
    (state / "cache").symlink_to(cache_dir(), target_is_directory=True)
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    # all cells stay in the page, so that a test finds what a reader would scroll to
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    port, token = _free_port(), secrets.token_hex(16)
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "PYTEST"))}
    environment = keep | {
        "HOME": str(home),
        "COURSE_HOME": str(state),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "PYTHONPATH": os.pathsep.join([str(PROJECT_ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    line = [
        *("--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
        *(f"--ServerApp.port={port}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={root}"),
        "--LabApp.expose_app_in_browser=True",
    ]
    with (home / "jupyter.log").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", _RUN, *line], cwd=root, env=environment, stdout=log, stderr=log
        )
        try:
            _wait_until_up(child, f"http://127.0.0.1:{port}/api?token={token}", log.name)
            yield Server(f"http://127.0.0.1:{port}", token, root)
        finally:
            child.terminate()  # it shuts its kernels down
            try:
                child.wait(15)
            except subprocess.TimeoutExpired:
                child.kill()


@pytest.fixture
def browser(chromium_path: str, artifacts: Path) -> Iterator[Browser]:
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="no playwright: pip install playwright (no browser download)"
    )
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        page = chromium.new_page(viewport={"width": 1280, "height": 900})
        watched = Browser(page, artifacts)
        page.on("pageerror", lambda error: watched.complaints.append(f"page error: {error}"))
        page.on("console", lambda message: _note(watched, message))
        yield watched
        chromium.close()


def _note(watched: Browser, message: object) -> None:
    if message.type == "error":
        place = (message.location or {}).get("url", "")
        watched.complaints.append(f"console: {message.text} ({place})")


def _free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def _wait_until_up(child: subprocess.Popen, url: str, log: str) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end and child.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (URLError, OSError):
            time.sleep(0.2)  # between two attempts to connect
    pytest.fail(f"JupyterLab did not start:\n{Path(log).read_text(errors='replace')[-3000:]}")

"""A real JupyterLab and a real Chromium for the browser tests.

Nothing of the reader's is touched: notebooks are copied, the home folder and the course's state are
temporary. Compiled kernels are shared with the course's own cache, which saves half a minute.

The notebooks are the executed ones, so that all of their outputs are in the page without running
them again (tests/notebooks does that). What needs a kernel is run here: the panels.
"""

import ast
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

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from labs.build.cells import SETUP
from labs.devices.answers import VARIABLE as DISCOVERY
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
RUN_MS = 120_000
KERNEL_IS_IDLE = """() => {
  const widget = window.jupyterapp?.shell?.currentWidget;
  return widget?.sessionContext?.session?.kernel?.status === 'idle';
}"""
RUN_CELLS = """async (indices) => {
  const notebook = window.jupyterapp.shell.currentWidget.content;
  for (const index of indices) {
    notebook.deselectAll();
    notebook.activeCellIndex = index;
    await window.jupyterapp.commands.execute('notebook:run-cell');
  }
  return indices.map(index => notebook.widgets[index].model.outputs.toJSON());
}"""
WIDGET = "application/vnd.jupyter.widget-view+json"
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

    def open_notebook(self, server: Server, name: str) -> None:
        """Open an executed notebook: it shows all of its pictures, and each has a text."""
        page = self.page
        page.goto(server.notebook_url(name))
        page.wait_for_function(KERNEL_IS_IDLE, timeout=60_000)
        self.screenshot(f"{name[:2]}_opened")
        images = page.locator(".jp-OutputArea img")
        assert images.count() >= len(_pictures(_cells(server.root / name)))
        assert images.evaluate_all(WITHOUT_ALT) == []

    def run_panels(self, server: Server, name: str) -> int:
        """Run the cells that make panels, and what they need; how many panels there are."""
        page, cells = self.page, _cells(server.root / name)
        page.set_default_timeout(RUN_MS)
        results = page.evaluate(RUN_CELLS, needed_for_panels(cells))
        page.wait_for_function(KERNEL_IS_IDLE, timeout=RUN_MS)
        page.set_default_timeout(20_000)
        page.set_viewport_size({"width": 1280, "height": 2400})  # whole panels on one screenshot
        outputs = [output for outputs in results for output in outputs]
        failed = [o for o in outputs if o["output_type"] == "error"]
        assert not failed, "\n".join(f"{o['ename']}: {o['evalue']}" for o in failed)
        panels = [o for o in outputs if WIDGET in o.get("data", {})]
        assert len(panels) >= sum("widgets." in cell.source for cell in cells if _is_code(cell))
        return len(panels)

    def screenshot(self, name: str, target: object = None) -> Path:
        """Saved as an artifact, to be looked at."""
        path = self.artifacts / f"{name}.png"
        (target or self.page).screenshot(path=path)
        return path


def needed_for_panels(cells: list[nbformat.NotebookNode]) -> list[int]:
    """The places of the cells that make panels (they say `widgets.`), of the set-up, and of every
    earlier cell that defines a name which one of those uses."""
    code = {i: _names(cell.source) for i, cell in enumerate(cells) if _is_code(cell)}
    chosen = {i for i in code if "widgets." in cells[i].source}
    for index in sorted(code, reverse=True):
        wanted = set().union(*(code[i][1] for i in chosen if i > index))
        if SETUP in cells[index].metadata.get("tags", []) or code[index][0] & wanted:
            chosen.add(index)
    return sorted(chosen)


def _names(source: str) -> tuple[set[str], set[str]]:
    """The names that a cell defines, without those that it imports, and the names that it uses."""
    nodes = list(ast.walk(ast.parse(TransformerManager().transform_cell(source))))
    defined = {n.name for n in nodes if isinstance(n, (ast.FunctionDef, ast.ClassDef))}
    names = [n for n in nodes if isinstance(n, ast.Name)]
    defined |= {n.id for n in names if isinstance(n.ctx, ast.Store)}
    return defined, {n.id for n in names if isinstance(n.ctx, ast.Load)}


def _is_code(cell: nbformat.NotebookNode) -> bool:
    return cell.cell_type == "code"


def _cells(path: Path) -> list[nbformat.NotebookNode]:
    return nbformat.read(path, as_version=4).cells


def _pictures(cells: list[nbformat.NotebookNode]) -> list[str]:
    """The kept outputs that are shown as a picture."""
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pages = [str(o.get("data", {}).get("text/html", "")) for o in outputs]
    return [page for page in pages if "<img" in page]


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
def server(tmp_path_factory: pytest.TempPathFactory, asked_devices: Path) -> Iterator[Server]:
    """JupyterLab as `course.py lab` configures it, on copies of the executed notebooks."""
    root, home = tmp_path_factory.mktemp("root"), tmp_path_factory.mktemp("home")
    for notebook in (PROJECT_ROOT / "solutions").glob("*.ipynb"):
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
        DISCOVERY: str(asked_devices),
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

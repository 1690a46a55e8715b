"""Running a solution notebook, and making its outputs fit to be published.

The kernel is a fresh one with strict checks and a progress file of its own. What it shows is kept
without machine paths, widget models and superseded progress lines; a path that can't be replaced
is refused.
"""

import re
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from labs.errors import BuildError
from labs.grading.process import notebook_environment
from labs.paths import PROJECT_ROOT, state_dir

CELL_TIMEOUT_S = 300
_WIDGET = "application/vnd.jupyter.widget-"
# begins only where a path can begin: else it is quadratic in an image's length
_KERNEL_FILE = re.compile(r"(?<![^\s\"'<>])[^\s\"'<>]*ipykernel_\d+[/\\]\d+\.py")


def execute(notebook: NotebookNode, name: str, folder: Path) -> None:
    """Run every cell in place.

    Raises:
        BuildError: a cell failed, hung or killed the kernel.
    """
    with tempfile.TemporaryDirectory() as temporary:
        state_file = Path(temporary) / "progress.sqlite"
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT_S,
            kernel_name="python3",
            resources={"metadata": {"path": str(folder)}},
            record_timing=False,
            store_widget_state=False,
            coalesce_streams=True,
        )
        try:
            client.execute(env=notebook_environment(state_file, strict=True))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            raise BuildError(
                f"execute solutions/{name}.ipynb",
                expected="every cell to run",
                got=_plain_text(str(error)).strip(),
                next_step=f"correct solutions/{name}.py, or run it in JupyterLab to see where",
            ) from None


def clean_outputs(notebook: NotebookNode, name: str) -> None:
    """Make the outputs portable, in place.

    Raises:
        BuildError: an output still names a folder of this machine.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        cell.metadata.pop("execution", None)
        kept = [_cleaned(output) for output in cell.outputs]
        cell.outputs = [o for o in kept if o is not None]
        left = [p for p in _private_texts() if any(p in text for text in _texts(cell.outputs))]
        if left:
            raise BuildError(
                f"publish the outputs of solutions/{name}.ipynb",
                expected="no folder of this machine in them",
                got=f"{', '.join(sorted(left))} in the output of cell {cell.id}",
                next_step="show less in that cell, or a path relative to the course",
            )


def _cleaned(output: NotebookNode) -> NotebookNode | None:
    if output.output_type == "stream":
        output.text = _scrubbed(_last_states(output.text))
        return output if output.text else None
    if output.output_type == "error":
        output.evalue = _scrubbed(output.evalue)
        output.traceback = [_scrubbed(line) for line in output.traceback]
        return output
    # a widget's model lives in the kernel: what stays readable is its static equivalent
    data = {k: v for k, v in output.data.items() if not k.startswith(_WIDGET)}
    output.data = {k: _scrubbed(v) if isinstance(v, str) else v for k, v in data.items()}
    return output if output.data else None


def _last_states(text: str) -> str:
    """What a terminal would show: a carriage return starts its line again."""
    lines = (line.rstrip("\r").split("\r")[-1] for line in text.split("\n"))
    return "\n".join(lines)


def _scrubbed(text: str) -> str:
    text = _KERNEL_FILE.sub("notebook cell", text)
    for folder, shown in _folders():
        text = re.sub(rf"(?<![\w.-]){re.escape(folder)}(?![\w.-])", shown, text)
    return text


def _folders() -> list[tuple[str, str]]:
    """Folders of this machine and what stands for them, the longest first."""
    named = [
        (state_dir(), "COURSE/.course"),
        (PROJECT_ROOT, "COURSE"),
        (Path(sys.prefix), "ENVIRONMENT"),
        (Path(sys.base_prefix), "PYTHON"),
        (Path.home(), "~"),
    ]
    both = {str(p): shown for path, shown in named for p in (path, path.resolve())}
    # an environment inside the course is shown as a part of it; "/usr" names nobody's machine
    inside = [p for p in both if both[p] == "ENVIRONMENT" and p.startswith(str(PROJECT_ROOT))]
    common = {"/", "/usr", "/usr/local", "/opt"}
    usable = {p: s for p, s in both.items() if p not in inside and p not in common}
    return sorted(usable.items(), key=lambda item: -len(item[0]))


def _private_texts() -> set[str]:
    folders = [f for f, _ in _folders() if f != str(Path.home()) or len(Path(f).parts) > 2]
    return {form for f in folders for form in (f, quote(f), quote(f, safe=""), repr(f)[1:-1])}


def _texts(outputs: list[NotebookNode]) -> list[str]:
    found = []
    for output in outputs:
        found += [output.get("text", ""), output.get("evalue", ""), *output.get("traceback", [])]
        data = output.get("data", {})
        found += [
            v if isinstance(v, str) else repr(v) for k, v in data.items() if "image/" not in k
        ]
    return found


def _plain_text(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)

"""A run button with progress and cancel. The callback only starts a thread, so the panel answers
while the work runs; measurements go on to a process of their own from there.
"""

import threading
from collections.abc import Callable
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs.widgets.panel import Panel, error_html

Progress = Callable[[int, int, str], None]
Cancel = Callable[[], bool]
Action = Callable[[Progress, Cancel], Any]


class RunButton(Panel):
    """Runs `action(progress, cancel)` when pressed; `result` holds what it returned last.

    An error appears in the panel and in `error`, and leaves the last result alone. A cancelled
    action is expected to return what it has.
    """

    title = "Run button"
    running = traitlets.Bool(False)
    result = traitlets.Any(None, allow_none=True)
    error = traitlets.Any(None, allow_none=True)

    def __init__(self, action: Action, *, label: str = "Run", hint: str = "") -> None:
        self._action, self._label = action, label
        self._cancelled = threading.Event()
        self._thread: threading.Thread | None = None
        self.run = widgets.Button(description=label, button_style="primary", tooltip=hint or label)
        self.cancel = widgets.Button(
            description="Cancel", disabled=True, tooltip="Stop and keep what is there"
        )
        self.bar = widgets.IntProgress(
            value=0, max=1, layout=widgets.Layout(width="180px", display="none")
        )
        self.status = widgets.HTML("")
        self.message = widgets.HTML("")
        self.run.on_click(lambda _: self.start())
        self.cancel.on_click(lambda _: self.stop())
        row = widgets.HBox(
            [self.run, self.cancel, self.bar, self.status],
            layout=widgets.Layout(align_items="center", flex_flow="row wrap"),
        )
        super().__init__([row, self.message])

    def start(self) -> None:
        """Begin, unless it is running already."""
        if self.running:
            return
        self._cancelled.clear()
        self.error = None
        self.message.value = ""
        self._show_running(True)
        self._thread = threading.Thread(
            target=self._work, name=f"{self._label} action", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ask the action to end; it keeps what it has."""
        if self.running:
            self._cancelled.set()
            self.cancel.disabled = True
            self._say("Cancelling; what is finished is kept.")

    def wait(self, timeout_s: float | None = None) -> bool:
        """Wait for a run under way, for tests and scripts; whether it has ended."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return not self.running

    def static_html(self) -> str:
        state = "running" if self.running else "ready"
        return (
            f"<p>[{escape(self._label)}] ({state}; needs a live notebook)</p>{self.message.value}"
        )

    def _work(self) -> None:
        try:
            self.result = self._action(self._progress, self._cancelled.is_set)
        except Exception as error:  # shown to the reader, whatever it is
            self.error = error
            self.message.value = error_html(error)
        finally:
            self._show_running(False)

    def _progress(self, done: int, total: int, text: str) -> None:
        self.bar.max = max(1, total)
        self.bar.value = done
        if not self._cancelled.is_set():
            self._say(f"{done} of {total}: {text}")

    def _say(self, text: str) -> None:
        self.status.value = f'<span role="status" aria-live="polite">{escape(text)}</span>'

    def _show_running(self, running: bool) -> None:
        self.bar.value = 0
        self.bar.layout.display = None if running else "none"
        self.run.description = f"{self._label}: running" if running else self._label
        self.run.disabled = running
        self.cancel.disabled = not running
        if running:
            self._say("starting")
        elif self.error is not None:
            self._say("failed")
        else:
            self._say("cancelled" if self._cancelled.is_set() else "done")
        self.running = running

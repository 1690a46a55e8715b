"""The device picker: usable devices to choose from, the others greyed with reason and fix."""

from collections.abc import Sequence
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs.widgets.panel import Panel

_GREY = "#6b6b6b"
_NAME_WIDTH = "110px"
_ROW = {"height": "22px", "margin": "0"}
_REASON = (
    f"color:{_GREY};line-height:26px;white-space:nowrap;overflow:hidden;text-overflow:ellipsis"
)


class DevicePicker(Panel):
    """Choose one device (`value` is a name) or several (`value` is a tuple of names).

    Several: all usable ones are chosen at first but PYTHON and EDGE, which take minutes where
    others take milliseconds.
    """

    title = "Device picker"
    value = traitlets.Any(None, allow_none=True)

    def __init__(
        self,
        *,
        multiple: bool = False,
        discovery: Any = None,
        value: Sequence[str] | str | None = None,
        reason_width: str = "680px",
    ) -> None:
        if discovery is None:
            from labs.devices import discover

            discovery = discover()
        self.discovery, self.multiple = discovery, multiple
        self._statuses = list(discovery)
        usable = [s.device for s in self._statuses if s.usable]
        rows = self._many(usable, value) if multiple else self._one(usable, value)
        unusable = [_greyed(s, reason_width) for s in self._statuses if not s.usable]
        super().__init__([*rows, *unusable])

    def _many(self, usable: list[str], value: Sequence[str] | str | None) -> list[widgets.Widget]:
        wanted = (value,) if isinstance(value, str) else value
        if wanted is None:
            from labs.devices.names import SLOW_DEVICES

            offered = (*SLOW_DEVICES, "NULL")  # and not chosen at first; NULL computes nothing
            wanted = [d for d in usable if d not in offered] or usable
        chosen = [d for d in usable if d in wanted]
        self.boxes = {
            d: widgets.Checkbox(
                value=d in chosen, description=d, indent=False, layout=widgets.Layout(**_ROW)
            )
            for d in usable
        }
        for box in self.boxes.values():
            box.observe(lambda _: self._collect(), "value")
        self._collect()
        return list(self.boxes.values())

    def _one(self, usable: list[str], value: Sequence[str] | str | None) -> list[widgets.Widget]:
        if not usable:
            return [widgets.HTML("No device is usable on this machine.")]
        wanted = value if isinstance(value, str) or not value else value[0]
        first = wanted if wanted in usable else usable[0]
        self.radio = widgets.RadioButtons(options=usable, value=first)
        self.value = first
        traitlets.link((self.radio, "value"), (self, "value"))
        return [self.radio]

    def _collect(self) -> None:
        self.value = tuple(d for d, box in self.boxes.items() if box.value)

    def static_html(self) -> str:
        chosen = self.value if self.multiple else (self.value,)
        items = "".join(_static_row(s, s.device in chosen) for s in self._statuses)
        return f"<ul style='list-style:none;padding-left:0'>{items}</ul>"

    def static_text(self) -> str:
        chosen = ", ".join(self.value) if self.multiple else self.value
        return f"Devices chosen: {chosen or 'none'}"


def _greyed(status: Any, width: str) -> widgets.HBox:
    box = widgets.Checkbox(value=False, disabled=True, indent=False, description=status.device)
    box.layout = widgets.Layout(width=_NAME_WIDTH, min_width=_NAME_WIDTH, **_ROW)
    reason = widgets.HTML(
        f"<div style='{_REASON};max-width:{width}' title='{escape(_why(status), quote=True)}'>"
        f"{escape(_first_line(status.reason))}</div>",
        layout=widgets.Layout(overflow="hidden", **_ROW),
    )
    return widgets.HBox([box, reason], layout=widgets.Layout(overflow="hidden"))


def _why(status: Any) -> str:
    fix = getattr(status, "fix", "")
    return f"{status.reason}\nFix: {fix}" if fix else str(status.reason)


def _first_line(text: object) -> str:
    lines = str(text or "not usable").strip().splitlines()
    return lines[0] if len(lines[0]) <= 90 else lines[0][:89] + "…"


def _static_row(status: Any, chosen: bool) -> str:
    if status.usable:
        return f"<li>{'[x]' if chosen else '[ ]'} <b>{escape(status.device)}</b></li>"
    reason = escape(_first_line(status.reason))
    return f"<li style='color:{_GREY}'>[–] {escape(status.device)}: {reason}</li>"

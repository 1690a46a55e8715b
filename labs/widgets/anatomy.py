"""Backend anatomy: the five parts of a device, what each overrides and inherits, and its source."""

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs import backends, toolchain
from labs.tables import Table
from labs.widgets.panel import Panel, error_html, notice_html, tight
from labs.widgets.source import source_html

ROLES = ("Renderer", "Compiler", "Program", "Allocator", "Compiled")
_COURSE = ("CPU", "ELECTRICAL", "EDGE", "NULL", "PYTHON")
_QUIET = ("object", "Generic")  # bases that say nothing about a backend


@dataclass(frozen=True)
class PartMembers:
    """What a class defines itself and what it takes from its bases.

    Args:
        new: methods that no base has.
        overrides: method -> the base whose version it replaces.
        inherits: base -> the methods that come from there, in the order of lookup.
    """

    new: tuple[str, ...]
    overrides: dict[str, str]
    inherits: dict[str, tuple[str, ...]]


def members_of(cls: type) -> PartMembers:
    """The methods of a class by where they come from."""
    bases = [c for c in cls.__mro__[1:] if c.__name__ not in _QUIET]
    own = _methods(cls)
    overrides = {}
    for name in own:
        first = next((b for b in bases if name in _methods(b)), None)
        if first is not None:
            overrides[name] = first.__name__
    seen = set(own)
    inherits = {}
    for base in bases:
        left = tuple(n for n in _methods(base) if n not in seen)
        seen.update(left)
        if left:
            inherits[base.__name__] = left
    return PartMembers(tuple(n for n in own if n not in overrides), overrides, inherits)


class BackendAnatomy(Panel):
    """Choose a device and a part; `device` and `part` are the chosen names."""

    title = "Backend anatomy"
    part = traitlets.Unicode("Compiled")

    def __init__(self, device: str = "ELECTRICAL", *, part: str = "Compiled") -> None:
        toolchain.activate()
        backends.register()
        offered = dict.fromkeys([device, *_COURSE, *backends.registered()])
        self.device = widgets.Dropdown(options=list(offered), value=device, description="device")
        self.device.layout.width, self.device.style.description_width = "220px", "50px"
        self.parts = widgets.ToggleButtons(options=ROLES, value=part)
        self.parts.style.button_width = "100px"
        self.table, self.output = widgets.HTML(""), widgets.HTML("")
        traitlets.link((self.parts, "value"), (self, "part"))
        self.device.observe(lambda _: self._choose(), "value")
        self.parts.observe(lambda _: self._show(), "value")
        super().__init__([self.device, self.table, self.parts, self.output])
        self._choose()

    def _choose(self) -> None:
        """Another device: all its parts in the table, the chosen one below."""
        try:
            from labs.devices.anatomy import part_classes, parts_of

            backends.open_backend(self.device.value)  # its errors say what is wrong and where
            self._classes = part_classes(self.device.value)
            self.table.value = tight(parts_of(self.device.value).table()._repr_html_())
        except Exception as error:  # a device that can't be opened here
            self._classes = {}
            self.table.value, self.output.value = error_html(error), ""
            return
        self._show()

    def _show(self) -> None:
        if not self._classes:
            return
        cls = self._classes.get(self.parts.value)
        try:
            self.output.value = self._part_html(cls)
        except Exception as error:  # a class without a source file
            self.output.value = error_html(error)

    def _part_html(self, cls: type | None) -> str:
        if cls is None:
            return notice_html(f"{self.device.value} has no {self.parts.value}.")
        lines, first = inspect.getsourcelines(cls)
        where = f"{cls.__module__}, line {first}"
        head = f"<div><b>{escape(cls.__name__)}</b> ({escape(where)})</div>"
        table = _members_table(cls, members_of(cls))
        return tight(head + table._repr_html_()) + source_html("".join(lines), "python")

    def static_html(self) -> str:
        return self.table.value + self.output.value

    def static_text(self) -> str:
        return f"{self.title}: {self.device.value}, {self.part} (interactive in JupyterLab)"


def _methods(cls: type) -> list[str]:
    """Functions, properties and the like that a class body defines, but Python's own hooks."""
    return [name for name, value in vars(cls).items() if _is_method(name, value)]


def _is_method(name: str, value: Any) -> bool:
    if name.startswith("__") and name not in ("__init__", "__call__"):
        return False
    kinds = (property, classmethod, staticmethod)
    return inspect.isfunction(value) or isinstance(value, kinds) or hasattr(value, "func")


def _members_table(cls: type, members: PartMembers) -> Table:
    rows: list[tuple[str, object]] = []
    chain = [c.__name__ for c in cls.__mro__ if c.__name__ not in _QUIET]
    rows.append(("class < what it inherits", " < ".join(chain)))
    by_base: dict[str, list[str]] = {}
    for name, base in members.overrides.items():
        by_base.setdefault(base, []).append(name)
    rows += [(f"overrides {base}'s", _words(names)) for base, names in by_base.items()]
    rows.append(("adds", _words(members.new)))
    rows += [(f"inherits from {base}", _words(names)) for base, names in members.inherits.items()]
    return Table("", ("what", "methods"), tuple(rows))


def _words(names: Sequence[str]) -> str | None:
    return ", ".join(names) or None

"""YAML text to plain data, with the place of everything, for messages that a person can follow.

Read event by event, so that what is too deep or too much is refused before it is built. Anchors
and aliases are refused: a few lines of them can stand for gigabytes, and a limit file has no use
for them. So are tags, and keys that come twice, of which YAML would silently keep the last.

Plain words are read as YAML 1.2 has it, and JSON: `on` and `yes` are text, 010 is ten, 1e3 is a
number. (PyYAML's own rules are those of YAML 1.1: True, 8, and text; 1:30 would be 90.)
Source: https://yaml.org/spec/1.2.2/#103-core-schema, read 2026-11-25.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from labs.electrical.limits.refusal import shown, wrong

MOST_BYTES = 256 * 1024  # some 2,000 limits; YAML of this size is read in under two seconds
MOST_DEPTH = 20
MOST_PARTS = 20_000  # keys, values and lists

Path = tuple[str | int, ...]

_NULL = ("", "~", "null", "Null", "NULL")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"([-+]?)\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_MOST_DIGITS = 300  # as a float, a longer number is infinite


@dataclass(frozen=True)
class Text:
    """Data, and the line and column of each value (`places`) and key (`keys`) by its path."""

    data: Any
    places: dict[Path, tuple[int, int]]
    keys: dict[Path, tuple[int, int]]
    name: str

    def where(self, path: Path) -> str:
        """ "limits.yaml, line 12, column 9, measurements[0].limits[1].upper"."""
        known = path
        while known not in self.places and known:
            known = known[:-1]
        return self._words(self.places.get(known, (1, 1)), path)

    def where_key(self, path: Path) -> str:
        """The same for a key itself."""
        return self._words(self.keys[path], path) if path in self.keys else self.where(path)

    def _words(self, place: tuple[int, int], path: Path) -> str:
        steps = (f"[{p}]" if isinstance(p, int) else f".{str(p)[:40]}" for p in path)
        keys = "".join(steps).lstrip(".")
        return f"{self.name}, line {place[0]}, column {place[1]}" + (f", {keys}" if keys else "")


def read_text(text: str, name: str) -> Text:
    """Raises: LabError: it isn't YAML, or YAML of a kind that a limit file has no use for."""
    if len(text) > MOST_BYTES:
        raise wrong(name, f"at most {MOST_BYTES:,} characters", f"{len(text):,}", "split the file")
    reader = _Reader(name)
    try:
        return reader.read(yaml.parse(text, Loader=yaml.SafeLoader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise wrong(where, "YAML", problem) from error
    except (ValueError, OverflowError) as error:  # PyYAML's own, such as of "\U00110000"
        where = f"{name}, after line {reader.line}"
        raise wrong(where, "YAML", f"{type(error).__name__}: {error}") from error


class _Reader:
    def __init__(self, name: str) -> None:
        self.name, self.line, self.depth, self.parts = name, 1, 0, 0
        self.places: dict[Path, tuple[int, int]] = {}
        self.keys: dict[Path, tuple[int, int]] = {}

    def read(self, events: Iterator[yaml.Event]) -> Text:
        data, documents = None, 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise wrong(self._at(event), "one document", "another one after '---'")
                data = self._value(next(events), events, ())
        return Text(data, self.places, self.keys, self.name)

    def _value(self, event: yaml.Event, events: Iterator[yaml.Event], path: Path) -> Any:
        self._check(event)
        self.places[path] = _place(event)
        if isinstance(event, yaml.ScalarEvent):
            return _scalar(event)
        self.depth += 1
        if self.depth > MOST_DEPTH:
            raise wrong(self._at(event), f"at most {MOST_DEPTH} levels", "more", "make it flatter")
        is_list = isinstance(event, yaml.SequenceStartEvent)
        found = self._list(events, path) if is_list else self._mapping(events, path)
        self.depth -= 1
        return found

    def _list(self, events: Iterator[yaml.Event], path: Path) -> list[Any]:
        found: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            found.append(self._value(event, events, (*path, len(found))))
        return found

    def _mapping(self, events: Iterator[yaml.Event], path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            self._check(event)
            if not isinstance(event, yaml.ScalarEvent):
                raise wrong(self._at(event), "a plain word as the key", "a list or a mapping")
            key = event.value
            if key in found:
                raise wrong(self._at(event), "each key once", f"{shown(key)} again",
                            "delete one of them")  # fmt: skip
            self.keys[(*path, key)] = _place(event)
            found[key] = self._value(next(events), events, (*path, key))
        return found

    def _check(self, event: yaml.Event) -> None:
        self.line, self.parts = event.start_mark.line + 1, self.parts + 1
        if self.parts > MOST_PARTS:
            raise wrong(self._at(event), f"at most {MOST_PARTS:,} keys and values", "more",
                        "split the file")  # fmt: skip
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise wrong(self._at(event), "no anchors and aliases (& and *)", "one", "write it out")
        if getattr(event, "tag", None):
            raise wrong(self._at(event), "no tags (!)", shown(event.tag), "leave the tag out")

    def _at(self, event: yaml.Event) -> str:
        line, column = _place(event)
        return f"{self.name}, line {line}, column {column}"


def _place(event: yaml.Event) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _scalar(event: yaml.ScalarEvent) -> Any:
    text = event.value
    if not event.implicit[0]:  # in quotes, or a block of text
        return text
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) <= _MOST_DIGITS else float(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    if special := _SPECIAL.fullmatch(text):
        return float("nan" if special[3] else f"{special[1]}inf")
    return text

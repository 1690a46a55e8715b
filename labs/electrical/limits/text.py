"""YAML text to plain data, with the line of everything, for messages that a person can follow.

Anchors and aliases are refused: a few lines of them can stand for gigabytes, and a limit file has
no use for them. Keys that come twice are refused, too: YAML would silently keep the last.
"""

from dataclasses import dataclass
from typing import Any

import yaml

from labs.errors import LabError

MOST_BYTES = 1_000_000
MOST_DEPTH = 20

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Text:
    """Data and the line of each part of it, by its path of keys and positions."""

    data: Any
    lines: dict[Path, int]
    name: str

    def where(self, path: Path) -> str:
        """ "limits.yaml, line 12, measurements[0].limits[1].upper"."""
        known = path
        while known and known not in self.lines:
            known = known[:-1]
        keys = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
        return f"{self.name}, line {self.lines.get(known, 1)}" + (f", {keys}" if keys else "")


def read_text(text: str, name: str) -> Text:
    """Raises: LabError: it isn't YAML, or YAML of a kind that a limit file has no use for."""
    if len(text) > MOST_BYTES:
        raise _refused(name, f"at most {MOST_BYTES:,} characters", f"{len(text):,}")
    try:
        _look(text, name)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        lines: dict[Path, int] = {}
        data = _plain(node, (), lines, name) if node is not None else None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}, line {mark.line + 1}, column {mark.column + 1}" if mark else name
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise _refused(where, "YAML", problem) from error
    return Text(data, lines, name)


def _look(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        where = f"{name}, line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _refused(where, "no anchors and aliases (& and *)", "one", "write it out")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > MOST_DEPTH:
            raise _refused(where, f"at most {MOST_DEPTH} levels", "more")


def _plain(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> Any:
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            where = f"{name}, line {key_node.start_mark.line + 1}"
            if not isinstance(key_node, yaml.ScalarNode):
                raise _refused(where, "a plain word as the key", "a list or a mapping")
            key = str(key_node.value)
            if key in found:
                raise _refused(where, "each key once", f"'{key}' twice", "delete one of them")
            found[key] = _plain(value_node, (*path, key), lines, name)
            lines[(*path, key)] = key_node.start_mark.line + 1
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_plain(n, (*path, i), lines, name) for i, n in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node)
    except (ValueError, OverflowError) as error:  # such as the date 2026-99-99
        where = f"{name}, line {node.start_mark.line + 1}"
        raise _refused(where, "a value that YAML can read", f"{node.value!r:.60}") from error


def _refused(where: str, expected: str, got: str, next_step: str = "correct it") -> LabError:
    return LabError(f"read the limits of {where}", expected=expected, got=got, next_step=next_step)

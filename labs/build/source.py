"""The single source of a notebook as text: where its solutions are, and the same text with holes.

A hole is the text between ### BEGIN SOLUTION and ### END SOLUTION. It must lie inside a function
body, because the student's cell has to run: calling the function then says that it isn't written.
"""

import ast
import re
from dataclasses import dataclass

from labs.errors import BuildError

_MARKER = re.compile(r"^(?P<indent>[ \t]*)### (?P<edge>BEGIN|END) (?P<kind>.*?)\s*$")
_LOOKALIKE = re.compile(r"#+\s*(begin|end)\s+(solution|hidden)", re.IGNORECASE)
_CELL = re.compile(r"^# %%")
SOLUTION, HIDDEN = "SOLUTION", "HIDDEN TESTS"


@dataclass(frozen=True)
class Region:
    """A marked region; the line numbers are those of its markers, counted from 1."""

    kind: str
    begin: int
    end: int
    indent: str


@dataclass(frozen=True)
class Source:
    """One percent source.

    Args:
        name: the notebook's name without suffix.
        text: the whole text.
        regions: its marked regions, in order.
    """

    name: str
    text: str
    regions: tuple[Region, ...]

    @property
    def holes(self) -> int:
        return sum(r.kind == SOLUTION for r in self.regions)

    def student_text(self) -> str:
        """The text with holes, and without hidden tests."""
        lines = self.text.split("\n")
        for region in reversed(self.regions):
            inside = lines[region.begin : region.end - 1]
            hole = _hole(inside, region.indent) if region.kind == SOLUTION else []
            lines[region.begin - 1 : region.end] = hole
        return "\n".join(lines)


def read_source(name: str, text: str) -> Source:
    """Find the regions and check that holes can be made of them.

    Raises:
        BuildError: naming the line.
    """
    tree = _parse(name, text, "the source")
    regions = tuple(_regions(name, text.split("\n")))
    functions = [
        n for n in ast.walk(tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]
    statements = [n for n in ast.walk(tree) if isinstance(n, ast.stmt)]
    for region in regions:
        if region.kind == SOLUTION:
            _check_hole(name, region, functions, statements)
    source = Source(name, text, regions)
    _parse(name, source.student_text(), "the student's version")
    return source


def parse_python(text: str) -> ast.Module:
    """Parse a notebook's Python, where `await` is allowed outside functions."""
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return compile(text, "<source>", "exec", flags=flags, dont_inherit=True)


def _parse(name: str, text: str, what: str) -> ast.Module:
    try:
        return parse_python(text)
    except SyntaxError as error:
        raise refuse(
            name, error.lineno, f"{what} to be Python", f"{error.msg}: {error.text}"
        ) from None


def _regions(name: str, lines: list[str]) -> list[Region]:
    found: list[Region] = []
    opened: tuple[str, int, str] | None = None
    for number, line in enumerate(lines, start=1):
        match = _MARKER.match(line)
        if match is None:
            if _CELL.match(line) and opened:
                raise refuse(name, number, f"### END {opened[0]} before the cell ends", line)
            if _LOOKALIKE.search(line):
                raise refuse(name, number, "the marker as ### BEGIN SOLUTION alone on a line", line)
            continue
        kind, indent = match["kind"], match["indent"]
        if kind not in (SOLUTION, HIDDEN):
            raise refuse(name, number, f"{SOLUTION} or {HIDDEN} in a marker", line.strip())
        if match["edge"] == "BEGIN":
            if opened:
                raise refuse(name, number, f"### END {opened[0]} first", line.strip())
            opened = (kind, number, indent)
            continue
        if opened is None or opened[0] != kind:
            raise refuse(name, number, f"### BEGIN {kind} before it", line.strip())
        found.append(Region(kind, opened[1], number, opened[2]))
        opened = None
    if opened:
        raise refuse(name, opened[1], f"### END {opened[0]} after it", "the end of the file")
    return found


def _check_hole(
    name: str, region: Region, functions: list[ast.AST], statements: list[ast.AST]
) -> None:
    inside = [s for s in statements if region.begin < s.lineno < region.end]
    if not inside:
        raise refuse(name, region.begin, "code between the markers", "none")
    first = min(inside, key=lambda s: s.lineno)
    home = [
        f for f in functions
        if f.body[0].lineno <= first.lineno and f.lineno < region.begin
        and all(s.end_lineno <= f.end_lineno for s in inside)
    ]  # fmt: skip
    if not home:
        expected = "the solution to lie inside a function body, so that the student's cell runs"
        raise refuse(name, region.begin, expected, "a region outside of any function")
    straddling = [s for s in inside if s.end_lineno >= region.end]
    if straddling:
        raise refuse(name, region.end, "a marker between two statements", "one inside a statement")
    if len(region.indent) != first.col_offset:
        expected = f"the marker indented like the code below it ({first.col_offset} spaces)"
        raise refuse(name, region.begin, expected, f"{len(region.indent)} spaces")


def _hole(inside: list[str], indent: str) -> list[str]:
    code = [line for line in inside if line.strip() and not line.strip().startswith("#")]
    lines = "1 line" if len(code) == 1 else f"{len(code)} lines"
    return [f"{indent}# FILL IN (about {lines})", f"{indent}raise NotImplementedError"]


def refuse(name: str, line: int | None, expected: str, got: str) -> BuildError:
    """The error for one line of a source."""
    place = f"solutions/{name}.py" + (f", line {line}" if line else "")
    return BuildError(
        f"build {name} from {place}", expected=expected, got=got.strip(),
        next_step=f"correct {place}",
    )  # fmt: skip

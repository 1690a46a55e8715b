"""Limit files, and judging readings by them."""

from pathlib import Path

from labs.electrical.limits.judge import Judge as Judge
from labs.electrical.limits.parse import load_limits as load_limits
from labs.electrical.limits.parse import parse_limits as parse_limits
from labs.electrical.limits.published import schema as schema
from labs.electrical.limits.specification import Limit as Limit
from labs.electrical.limits.specification import Reference as Reference
from labs.electrical.limits.specification import Requirement as Requirement
from labs.electrical.limits.specification import Specification as Specification
from labs.electrical.limits.verdict import Row as Row
from labs.electrical.limits.verdict import Verdict as Verdict
from labs.errors import LabError

EXAMPLES = Path(__file__).parent / "examples"


def example(name: str) -> Path:
    """The limit file of that name that comes with the course: supply, step, adc, mask.

    Raises:
        LabError: there is none.
    """
    known = {p.stem: p for p in sorted(EXAMPLES.glob("*.yaml"))}
    if name not in known:
        raise LabError(
            f"open the example '{name}'",
            expected=f"one of {', '.join(known)}",
            got=repr(name),
            next_step="correct the name",
        )
    return known[name]

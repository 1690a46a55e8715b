"""What is said of a limit file that can't be used: where, what was expected, what was got."""

import difflib
from collections.abc import Iterable, Sequence

from labs.errors import LabError

MOST_SHOWN = 60  # characters of what was got
MOST_NAMES = 40


def wrong(where: str, expected: str, got: object, next_step: str = "correct it") -> LabError:
    text = str(got)
    return LabError(
        f"read the limits of {where}",
        expected=expected,
        got=text if len(text) <= 2 * MOST_SHOWN else text[: 2 * MOST_SHOWN] + "...",
        next_step=next_step,
    )


def unknown(where: str, what: str, said: object, known: Iterable[object]) -> LabError:
    """A name that isn't one of those known, with the nearest that is."""
    names = [str(k) for k in known]
    return wrong(where, f"{what}: {listed(names)}", shown(said), nearest(said, names))


def listed(names: Sequence[str]) -> str:
    found = ", ".join(names[:MOST_NAMES]) + (", ..." if len(names) > MOST_NAMES else "")
    return found or "none is known"


def nearest(said: object, names: Sequence[str]) -> str:
    """What to do about a name that isn't known."""
    close = difflib.get_close_matches(str(said)[:MOST_SHOWN], names, 1)
    return f"did you mean '{close[0]}'?" if close else "correct the name"


def shown(value: object) -> str:
    """A value as it may stand in a message, however long it is."""
    text = repr(value[: MOST_SHOWN + 1] if isinstance(value, str) else value)
    return text if len(text) <= MOST_SHOWN else text[:MOST_SHOWN] + "..."

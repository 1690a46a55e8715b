"""What a case is: a name, a function of the device under test, and what it needs to be run at all.

A case passes when its function returns, is skipped when it raises Skipped, and fails on everything
else.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labs.backends.conformance.subject import Subject

# every backend has these: tinygrad makes indices, masks and constants of them
REQUIRED_DTYPES = frozenset({"bool", "int32", "float32"})


class Skipped(Exception):
    """The device can't be asked this, for the reason given."""


class Wrong(AssertionError):
    """The device answered, and the answer is wrong."""


@dataclass(frozen=True)
class Case:
    """One question to a device.

    Args:
        name: "group/subject/dtype/shape", unique.
        run: raises Wrong (or whatever the device raises) to fail, Skipped to be skipped.
        dtypes: skipped unless the renderer supports all of these.
        small: whether it belongs to the small subset, too.
        timeout_s: the most it may take, or None for the suite's own limit.
    """

    name: str
    run: Callable[["Subject"], None]
    dtypes: tuple[str, ...] = ()
    small: bool = True
    timeout_s: float | None = None

    @property
    def group(self) -> str:
        return self.name.partition("/")[0]


class Cases:
    """Collects the cases of one module, by decorator or by `add`; iterates over them."""

    def __init__(self, group: str) -> None:
        self.group = group
        self._cases: list[Case] = []

    def add(self, name: str, run: Callable[["Subject"], None], **needs: object) -> None:
        self._cases.append(Case(f"{self.group}/{name}", run, **needs))

    def case(self, name: str, **needs: object):
        """Decorator: the function is the case `group/name`."""

        def keep(run: Callable[["Subject"], None]) -> Callable[["Subject"], None]:
            self.add(name, run, **needs)
            return run

        return keep

    def __iter__(self) -> Iterator[Case]:
        return iter(self._cases)


def check(condition: object, message: str) -> None:
    """Raise Wrong(message) unless the condition holds."""
    if not condition:
        raise Wrong(message)


def by_name(cases: Iterable[Case]) -> dict[str, Case]:
    """The cases by name; raises ValueError for a name that is there twice."""
    found: dict[str, Case] = {}
    for case in cases:
        if case.name in found:
            raise ValueError(f"two cases are named {case.name}")
        found[case.name] = case
    return found

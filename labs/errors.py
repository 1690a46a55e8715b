"""The error classes of the course: each says what was asked, expected, got, and what to do next.

A leaf: imports nothing from the course. In a notebook a LabError shows its message, not a traceback
of our internals.
"""


class LabError(Exception):
    """An error that a reader can act on.

    Args:
        asked: what the caller wanted, one sentence without a full stop ("measure on 'CUDA'").
        expected: what would have been right.
        got: what was there instead.
        next_step: the one thing to do now.
    """

    def __init__(
        self, asked: str, *, expected: str = "", got: str = "", next_step: str = ""
    ) -> None:
        self.asked, self.expected, self.got, self.next_step = asked, expected, got, next_step
        super().__init__(self._message())

    def _message(self) -> str:
        rows = (("Expected", self.expected), ("Got", self.got), ("Next", self.next_step))
        return "\n".join(
            [self.asked, *(f"  {name + ':':<10}{text}" for name, text in rows if text)]
        )

    def __reduce__(self):  # keyword-only arguments do not survive Exception's own pickling
        parts = {"expected": self.expected, "got": self.got, "next_step": self.next_step}
        return _rebuild, (type(self), self.asked, parts)

    def _render_traceback_(self) -> list[str]:
        """IPython's hook: the message alone, since the frames above it are ours."""
        return [f"{type(self).__name__}: {self}"]


def _rebuild(kind: type[LabError], asked: str, parts: dict[str, str]) -> LabError:
    return kind(asked, **parts)


class ToolchainError(LabError):
    """No compiler, or a driver library that can't be used."""


class DeviceError(LabError):
    """A device that is unknown, unusable, or failed while in use."""


class LoweringError(LabError):
    """A tensor or a target that can't be lowered."""


class MeasurementError(LabError):
    """A measurement that can't be made, or whose answer is wrong."""


class ResultError(LabError):
    """A result file that can't be read, or results that must not be compared."""


class ExerciseError(LabError):
    """An exercise that is unknown or broken, or, in strict mode, not passed."""


class BuildError(LabError):
    """A notebook source that can't be built, or whose output has drifted."""

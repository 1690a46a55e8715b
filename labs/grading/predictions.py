"""predict() and reveal(): a guess before the run, and the guess beside what was measured.

Guesses are never graded; a missing one is no failure, so that notebooks run from top to bottom.
"""

import math
import numbers
from dataclasses import dataclass

from labs import units
from labs.errors import ExerciseError
from labs.grading.state import state
from labs.tables import Table, TableView

_CLOSE = 1.25  # a guess within a quarter is as good as knowing
_SAME_ORDER = 3.0


@dataclass(frozen=True)
class Prediction:
    """A stored guess; `value` is None when none was made."""

    id: str
    value: float | str | None
    unit: str
    note: str = ""

    def __str__(self) -> str:
        if self.value is None:
            return f"No prediction for {self.id} yet. A guess costs nothing: put a number in."
        kept = f"Your prediction for {self.id}: {_shown(self.value, self.unit)}"
        return f"{kept}\nNote: {self.note}" if self.note else kept

    __repr__ = __str__


@dataclass(frozen=True, repr=False)
class Revealed(TableView):
    """A guess beside the measured value.

    Args:
        id: the prediction's id.
        predicted: None when no guess was made.
        measured: None when it could not be measured here.
        unit: of both.
        ratio: measured / predicted, None where that makes no sense.
        verdict: one sentence.
    """

    id: str
    predicted: float | str | None
    measured: float | str | None
    unit: str
    ratio: float | None
    verdict: str

    def table(self) -> Table:
        ratio = units.format_ratio(self.ratio)
        row = (_shown(self.predicted, self.unit), _shown(self.measured, self.unit), ratio)
        columns = ("predicted", "measured", "measured / predicted")
        return Table(f"Prediction {self.id}", columns, (row,), note=self.verdict)


def predict(prediction_id: str, value: float | str | None = None, unit: str = "") -> Prediction:
    """Keep a guess, replacing an earlier one; None keeps nothing.

    Args:
        prediction_id: any short name, such as "1.2" or "p1".
        value: a number or a word.
        unit: the unit of the number, such as "GB/s".

    Raises:
        ExerciseError: the value is neither a number nor a word.
    """
    _check_id(prediction_id)
    value = _plain_value(f"predict {prediction_id!r}", value)
    if value is None:
        return Prediction(prediction_id, None, unit)
    keeper = state()
    keeper.set_prediction(prediction_id, value, unit)
    return Prediction(prediction_id, value, unit, keeper.take_note())


def reveal(prediction_id: str, measured: float | str | None, unit: str | None = None) -> Revealed:
    """Put a guess beside what was measured.

    Args:
        prediction_id: as given to `predict`.
        measured: the measured value; None when it could not be measured on this machine.
        unit: the unit of `measured`; the guess's own when not given.

    Raises:
        ExerciseError: the guess was made in another unit, or one is a number and one a word.
    """
    _check_id(prediction_id)
    measured = _plain_value(f"reveal {prediction_id!r}", measured)
    kept = state().prediction(prediction_id)
    predicted, predicted_unit = kept or (None, unit or "")
    unit = predicted_unit if unit is None else unit
    if predicted is not None and measured is not None:
        _check_comparable(prediction_id, (predicted, predicted_unit), (measured, unit))
    ratio = _ratio(predicted, measured)
    verdict = _verdict(predicted, measured, unit, ratio)
    return Revealed(prediction_id, predicted, measured, unit, ratio, verdict)


def _verdict(
    predicted: float | str | None, measured: float | str | None, unit: str, ratio: float | None
) -> str:
    if measured is None:
        return "It could not be measured on this machine."
    if predicted is None:
        return f"No prediction was made; measured: {_shown(measured, unit)}."
    if predicted == measured:
        return "Exactly as predicted."
    if ratio is None:
        return f"Not as predicted: {_shown(measured, unit)} instead of {_shown(predicted, unit)}."
    factor = ratio if ratio >= 1 else 1 / ratio
    side = "above" if ratio > 1 else "below"
    if factor <= _CLOSE:
        return f"Close: {units.format_percent(abs(ratio - 1), 2)} {side} the prediction."
    times = f"a factor of {units.format_quantity(factor, '', 2)} {side} the prediction"
    if factor <= _SAME_ORDER:
        return f"The right order of magnitude: {times}."
    return f"A surprise: {times}. The explanation says where the difference comes from."


def _ratio(predicted: float | str | None, measured: float | str | None) -> float | None:
    if not isinstance(predicted, (int, float)) or not isinstance(measured, (int, float)):
        return None
    if predicted == 0 or measured == 0 or (predicted < 0) != (measured < 0):
        return None
    return measured / predicted


def _check_comparable(
    prediction_id: str, predicted: tuple[float | str, str], measured: tuple[float | str, str]
) -> None:
    kinds = [isinstance(value, str) for value, _ in (predicted, measured)]
    if kinds[0] != kinds[1] or predicted[1] != measured[1]:
        raise ExerciseError(
            f"compare prediction {prediction_id!r} with what was measured",
            expected=f"the same kind and unit as {_shown(*measured)}",
            got=_shown(*predicted),
            next_step=f'run predict("{prediction_id}", ..., unit="{measured[1]}") again',
        )


def _check_id(prediction_id: object) -> None:
    if not isinstance(prediction_id, str) or not prediction_id:
        raise ExerciseError(
            "find a prediction", expected='its name as text, such as "1.2"', got=repr(prediction_id)
        )


def _plain_value(asked: str, value: object) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool) or type(value).__name__ == "bool":  # numpy's as well
        return "yes" if value else "no"
    number = float(value) if isinstance(value, numbers.Real) else math.nan
    if not math.isfinite(number):
        raise ExerciseError(
            asked,
            expected="a number, a word, or None",
            got=f"{value!r} ({type(value).__name__})",
            next_step="give one finite number in the unit asked for",
        )
    return int(number) if isinstance(value, int) and abs(value) < 2**53 else number


def _shown(value: float | str | None, unit: str) -> str:
    if value is None:
        return units.MISSING
    return value if isinstance(value, str) else units.format_quantity(value, unit)

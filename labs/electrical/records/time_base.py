"""When a sample was taken: from the header's rates, checked against time stamps and numbers.

The header counts: its rates give every time in exact arithmetic, so that nothing accumulates. Time
stamps are rounded and sometimes plainly wrong; they say where samples were lost, and by how much
they disagree with the header is noted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from labs.electrical.records.rates import Rates
from labs.electrical.records.record import Piece
from labs.units import format_seconds

MOST_MISSING_S = 3600.0  # a longer gap is believed only if both numbers and stamps tell of it
DISAGREE = 100e-6  # relative: crystals are within this, wrong headers aren't
SAME_STEP = 0.25  # of a sample interval: a median step further off than this is another rate
_WRAP = 2**32  # sample numbers and stamps of binary records are uint32


@dataclass(frozen=True, eq=False)
class Rows:
    """What a reader read: rows in the order of the file.

    Attributes:
        numbers: sample number of each row, int64; None if the format has none.
        stamps: time stamp of each row in the unit of the time base, float64, NaN if missing; None
            if there are none.
        samples, valid: as `Block` has them.
    """

    numbers: np.ndarray | None
    stamps: np.ndarray | None
    samples: np.ndarray
    valid: np.ndarray | None


class TimeBase:
    """Gives rows their index and time.

    Args:
        rates: of the header.
        unit_s: what a time stamp counts.
        first: the first rows, from which it is judged whether numbers and stamps are of use.
        note: takes what is found wrong.
        wraps: whether numbers and stamps start again at 2^32.
    """

    def __init__(
        self,
        rates: Rates,
        unit_s: float,
        first: Rows,
        note: Callable[[str], None],
        wraps: bool = False,
    ) -> None:
        self.rates, self._unit_s, self._note, self._wraps = rates, unit_s, note, wraps
        self._use_numbers = self._judge_numbers(first.numbers)
        self._use_stamps = self._judge_stamps(first.stamps)
        self._row = 0  # of the file
        self._ordinal = self._extra = 0  # the next sample's number; samples lost without a number
        self._extra_s = Fraction(0)
        self._number: int | None = None  # of the last row
        self._stamp: float | None = None
        self._first_s: Fraction | None = None
        self._last_s = Fraction(0)
        self._seen: float | None = None  # the last stamp that isn't missing
        self._elapsed = 0.0  # of the stamps, in their unit, wraps undone
        self._ends_stamped = True
        self.gaps = self.missing = 0

    def pieces(self, rows: Rows) -> Iterator[Piece]:
        """The rows with their time, cut where samples are missing and where the rate changes."""
        count = rows.samples.shape[1]
        at = 0
        for row, by_number, by_stamp in [*self._jumps(rows, count), (count, 0, 0)]:
            yield from self._run(rows, at, row)
            at = row
            if by_number or by_stamp:
                self._lose(row, by_number, by_stamp)
        self._row += count

    def finish(self) -> None:
        """Notes what only the whole record tells."""
        if self.gaps:
            self._note(f"{self.missing} samples are missing in {self.gaps} gaps")
        if not self._use_stamps or not self._elapsed or not self._ends_stamped:
            return
        if self._stamp is None or np.isnan(self._stamp):
            return
        stamped_s = self._elapsed * self._unit_s
        header_s = float(self._last_s - self._first_s)
        off_s = stamped_s - header_s
        interval_s = 1 / self.rates.fs_hz[self.rates.part(max(self._ordinal - 1, 0))]
        if abs(off_s) > 2 * self._unit_s and (
            abs(off_s) > interval_s or abs(off_s) > DISAGREE * header_s
        ):
            self._note(
                f"the time stamps say {format_seconds(stamped_s, 6)} from first to last, the "
                f"header's rates {format_seconds(header_s, 6)}: the header counts"
            )

    # ---- what is of use ----

    def _judge_numbers(self, numbers: np.ndarray | None) -> bool:
        if numbers is None or len(numbers) < 2:
            return numbers is not None
        if np.mean(self._steps(numbers) == 1) > 0.5:
            return True
        self._note("the sample numbers don't count up: they are left out of account")
        return False

    def _judge_stamps(self, stamps: np.ndarray | None) -> bool:
        if stamps is None:
            return False
        there = np.isfinite(stamps)
        if not there.any():
            self._note("there are no time stamps: the header's rates give the times")
            return False
        both = there[1:] & there[:-1]
        if not both.any():
            return False
        end = self.rates.end(0)
        steps = self._steps(stamps)[: None if end is None else max(end - 1, 1)]
        steps = steps[both[: len(steps)]]
        if not len(steps):
            return False
        # unequal intervals of rounded stamps: the median of few is less sure than their mean
        step_s = float(np.median(steps)) * self._unit_s
        interval_s = 1 / self.rates.fs_hz[0]
        if abs(step_s - interval_s) <= SAME_STEP * interval_s + self._unit_s and steps.any():
            return True
        what = "are all the same" if not steps.any() else f"are {format_seconds(step_s)} apart"
        self._note(
            f"the time stamps {what}, at the header's rate {format_seconds(interval_s)}: the "
            "header counts"
        )
        return False

    def _steps(self, values: np.ndarray) -> np.ndarray:
        steps = np.diff(values)
        if self._wraps:
            half = _WRAP // 2
            with np.errstate(invalid="ignore"):
                far = np.abs(steps) > half
            if far.any():  # round the circle the shorter way
                steps[far] -= np.sign(steps[far]) * _WRAP
        return steps

    # ---- where samples are missing ----

    def _jumps(self, rows: Rows, count: int) -> list[tuple[int, int, int]]:
        """(row, samples missing before it by number, ... by stamp only), in order."""
        if not count:
            return []
        steps = stamp_steps = None
        if self._use_numbers:
            before = rows.numbers[0] - 1 if self._number is None else self._number
            steps = self._steps(np.concatenate(([before], rows.numbers)))
            self._number = int(rows.numbers[-1])
        if self._use_stamps:
            first = self._stamp is None
            before = rows.stamps[0] if first else self._stamp
            stamp_steps = self._steps(np.concatenate(([before], rows.stamps)))
            self._follow(rows.stamps, stamp_steps)
            if first:
                stamp_steps[0] = np.nan
        return self._found(steps, stamp_steps)

    def _follow(self, stamps: np.ndarray, steps: np.ndarray) -> None:
        """Keeps what the comparison over the whole record needs."""
        if self._stamp is None:
            self._ends_stamped = bool(np.isfinite(stamps[0]))
        self._stamp = float(stamps[-1])
        elapsed = float(steps.sum())
        if not np.isfinite(elapsed):  # some are missing: over those that aren't
            there = stamps[np.isfinite(stamps)]
            if not len(there):
                return
            before = there[0] if self._seen is None else self._seen
            elapsed = float(self._steps(np.concatenate(([before], there))).sum())
            self._seen = float(there[-1])
        else:
            self._seen = self._stamp
        self._elapsed += elapsed

    def _found(
        self, steps: np.ndarray | None, stamp_steps: np.ndarray | None
    ) -> list[tuple[int, int, int]]:
        odd = None
        if steps is not None:
            odd = steps != 1
        if stamp_steps is not None:
            most = (1.5 / self._fs_of_rows(steps, len(stamp_steps)) + 2 * self._unit_s) / (
                self._unit_s
            )
            with np.errstate(invalid="ignore"):
                late = (stamp_steps > most) | (stamp_steps < 0)
            odd = late if odd is None else odd | late
        if odd is None or not odd.any():
            return []
        return list(self._judged(np.flatnonzero(odd), steps, stamp_steps))

    def _fs_of_rows(self, steps: np.ndarray | None, count: int) -> np.ndarray | float:
        """The header's rate of each of the next rows."""
        if len(self.rates.fs_hz) == 1:
            return self.rates.fs_hz[0]
        taken = np.ones(count) if steps is None else np.maximum(steps, 1)
        ordinals = self._ordinal + np.cumsum(taken) - 1
        return np.array(self.rates.fs_hz)[self.rates.parts(ordinals)]

    def _judged(
        self, rows: np.ndarray, steps: np.ndarray | None, stamp_steps: np.ndarray | None
    ) -> Iterator[tuple[int, int, int]]:
        lost = 0
        for row in rows.tolist():
            step = 1 if steps is None else int(steps[row])
            stamp = float("nan") if stamp_steps is None else float(stamp_steps[row])
            fs = self.rates.fs_hz[self.rates.part(self._ordinal + row + lost)]
            by_number = self._by_number(row, step, steps, stamp, fs)
            by_stamp = 0 if by_number else self._by_stamp(row, stamp, stamp_steps, fs)
            if by_number or by_stamp:
                lost += by_number
                yield row, by_number, by_stamp

    def _by_number(
        self, row: int, step: int, steps: np.ndarray | None, stamp: float, fs: float
    ) -> int:
        if step == 1:
            return 0
        where = f"at row {self._row + row + 1}"
        if step < 1:
            self._note(f"the sample numbers go back {where}; they are left out of account there")
            return 0
        off = abs(stamp * self._unit_s - step / fs)
        if not np.isnan(stamp):
            if off <= 0.5 / fs + 2 * self._unit_s:
                return step - 1
            self._note(f"sample numbers and time stamps disagree {where}: the stamps count there")
            return 0
        # alone a number may be a slip: then the next one goes back, or the last one did
        goes_on = row + 1 >= len(steps) or steps[row + 1] >= 1
        comes_back = row > 0 and steps[row - 1] + step == 2
        if comes_back:
            return 0
        if goes_on and step / fs <= MOST_MISSING_S:
            return step - 1
        self._note(f"the sample number {where} makes no sense; it is left out of account")
        return 0

    def _by_stamp(self, row: int, stamp: float, steps: np.ndarray | None, fs: float) -> int:
        if np.isnan(stamp):
            return 0
        where = f"at row {self._row + row + 1}"
        if stamp < 0:
            self._note(f"the time stamps go back {where}; they are left out of account there")
            return 0
        step_s = stamp * self._unit_s
        if step_s <= 1.5 / fs + 2 * self._unit_s:
            return 0
        goes_on = row + 1 >= len(steps) or not steps[row + 1] < 0
        if row > 0 and abs(steps[row - 1] * self._unit_s + step_s - 2 / fs) <= (
            0.5 / fs + 2 * self._unit_s
        ):
            return 0  # it comes back from a stamp that made no sense
        if goes_on and step_s <= MOST_MISSING_S:
            return max(round(step_s * fs) - 1, 0)
        self._note(f"the time stamp {where} makes no sense; it is left out of account")
        return 0

    def _lose(self, row: int, by_number: int, by_stamp: int) -> None:
        self.gaps += 1
        self.missing += by_number + by_stamp
        self._ordinal += by_number
        self._extra += by_stamp
        if by_stamp:
            self._extra_s += by_stamp / Fraction(self.rates.fs_hz[self.rates.part(self._ordinal)])

    # ---- time ----

    def _run(self, rows: Rows, at: int, end: int) -> Iterator[Piece]:
        while at < end:
            first = self._ordinal
            change = self.rates.end(first)
            to = end if change is None else min(end, at + change - first)
            fs = self.rates.fs_hz[self.rates.part(first)]
            start = self.rates.time_s(first) + self._extra_s
            samples = rows.samples if (at, to) == (0, end) else rows.samples[:, at:to]
            valid = rows.valid
            if valid is not None:
                valid = valid[:, at:to]
            if self._first_s is None:
                self._first_s = start
            self._last_s = self.rates.time_s(first + to - at - 1) + self._extra_s
            yield Piece(first + self._extra, float(start), fs, samples[:, : to - at], valid)
            self._ordinal += to - at
            at = to

"""E1: dips, swells and interruptions, from the RMS of every half cycle.

A pre-compliance implementation of the method of IEC 61000-4-30. An event's samples are those from
the start of the first cycle whose RMS is beyond the threshold to the start of the first cycle that
is back; both edges are zero crossings, so its duration is a whole number of half cycles. A dip
whose voltage is lost in n half cycles has n + 1 cycles that touch it.
"""

import numpy as np

from labs.electrical.meters.meter import Kind, Parameter, Setting
from labs.electrical.meters.synchronised import SAMPLING, Span
from labs.electrical.meters.thresholds import INTO_GAP, STILL_ON, Detector, Event
from labs.electrical.meters.urms import HalfCycles
from labs.electrical.readings import Reading
from labs.errors import LabError

NAMES = ("dip", "swell", "interruption")


class Events(HalfCycles):
    """Events of one channel, or of the channels of one polyphase supply together."""

    kind = "voltage_events"
    quantities = (
        dict.fromkeys(NAMES, "V")
        | {f"{n}_duration": "s" for n in NAMES}
        | {f"{n}s": "1" for n in NAMES}
    )

    def __init__(
        self,
        setting: Setting,
        dip: float = 0.9,
        swell: float = 1.1,
        interruption: float = 0.05,
        hysteresis: float = 0.02,
        sampling: str = "tracked",
    ) -> None:
        super().__init__(setting, sampling)
        if not setting.nominal_v:
            raise LabError(
                "measure voltage_events",
                expected="a declared voltage, such as 230 V",
                got="none",
                next_step="give the supply's nominal voltage in the specification",
            )
        if not interruption + hysteresis < dip or not dip + hysteresis < swell - hysteresis:
            raise LabError(
                "measure voltage_events",
                expected="interruption < dip < swell, each further apart than the hysteresis",
                got=f"{interruption:g}, {dip:g}, {swell:g} with a hysteresis of {hysteresis:g}",
                next_step="correct the thresholds; they are parts of the nominal voltage",
            )
        v = setting.nominal_v
        self._detectors = {
            "dip": Detector(dip * v, (dip + hysteresis) * v),
            "swell": Detector(swell * v, (swell - hysteresis) * v, above=True),
            "interruption": Detector(
                interruption * v, (interruption + hysteresis) * v, begins_in_any=False
            ),
        }
        self._begin: float | None = None  # of the first value
        self._end = 0.0

    def take(self, values: np.ndarray, first: float, half: float) -> list[Reading]:
        if self._begin is None:
            self._begin = first
        found = []
        for i, column in enumerate(values.T):
            for name, detector in self._detectors.items():
                found += self._readings(name, detector.feed(column, first + i * half))
        self._end = first + values.shape[1] * half
        return found

    def answer_invalid(self, reason: str, span: Span) -> list[Reading]:
        return self._interrupt(INTO_GAP) + super().answer_invalid(reason, span)

    def finish(self) -> list[Reading]:
        answers = self._interrupt(STILL_ON)
        if self._begin is None:
            span = Span(0.0, self._start, 1)
            reason = "the record has no whole window of valid samples"
            return answers + [self.reading(f"{n}s", np.nan, span, reason) for n in NAMES]
        for name, detector in self._detectors.items():
            answers.append(self.reading_of(f"{name}s", detector.count, self._begin, self._end))
        return answers

    def _interrupt(self, reason: str) -> list[Reading]:
        found = []
        for name, detector in self._detectors.items():
            found += self._readings(name, detector.interrupt(self._end, reason))
        return found

    def _readings(self, name: str, event: Event | None) -> list[Reading]:
        """An event's voltage is what was seen of it; a duration that isn't known is invalid."""
        if event is None:
            return []
        span, reason = (event.first, event.end), event.reason
        duration_s = (event.end - event.first) / self.setting.fs_hz
        why = f"at least {duration_s:.4g} s: {reason}" if reason else ""
        return [
            self.reading_of(name, event.extreme, *span, valid=True, reason=reason),
            self.reading_of(f"{name}_duration", duration_s, *span, reason=why),
        ]


KIND = Kind(
    "voltage_events",
    "dips, swells and interruptions of one channel, or of a polyphase supply's together",
    ("V",),
    Events.quantities,
    Events,
    {
        "dip": Parameter(0.9, "1", "a dip begins below this part of nominal", 0.01, 1.0),
        "swell": Parameter(1.1, "1", "a swell begins above this part of nominal", 1.0, 2.0),
        "interruption": Parameter(0.05, "1", "an interruption begins below this part", 0.0, 0.5),
        "hysteresis": Parameter(0.02, "1", "how much further back an event ends", 0.0, 0.2),
        "sampling": SAMPLING,
    },
    ("nominal_hz", "nominal_v"),
)

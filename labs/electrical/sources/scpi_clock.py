"""Where in the stream a record lies that says when it was taken."""

from labs.electrical.sources.scpi_block import Preamble, not_an_instrument

SAME = 1e-9  # relative: a step of time or value that differs by more has been changed


class RecordClock:
    """Numbers the samples of records that say when they begin."""

    def __init__(self, fs_hz: float) -> None:
        self.fs_hz, self.index = fs_hz, 0  # of the next sample, if none is lost
        self.zero_s: float | None = None
        self._end_s = 0.0

    def place(self, preamble: Preamble, address: object) -> int:
        """The index of a record's first sample.

        Raises:
            LabError: it begins before the one before it has ended.
        """
        if self.zero_s is None:  # some instruments count from a trigger inside the record
            self.zero_s = min(0.0, preamble.x_origin_s)
            self._end_s = self.zero_s
        self.fs_hz = fs = rate_of(preamble)
        gap = round((preamble.x_origin_s - self._end_s) * fs)
        if gap < 0:
            raise not_an_instrument(
                address,
                f"a record from {preamble.x_origin_s:g} s on, after one until {self._end_s:g} s",
                "begin anew: the instrument was restarted, or its records overlap",
            )
        first = self.index + gap
        self.index = first + preamble.points
        self._end_s = preamble.x_origin_s + preamble.points / fs
        return first


def rate_of(preamble: Preamble) -> float:
    """Samples a second: a whole number where the step is one's inverse as exactly as can be."""
    fs = 1 / preamble.x_increment_s
    return float(round(fs)) if abs(fs - round(fs)) <= SAME * fs else fs

"""Latencies counted in buckets that grow with the value: any number of them in fixed memory."""

from array import array

# Buckets of one octave: a percentile is at most 1/32 (3%) above the true one. The idea of
# logarithmic buckets with linear parts is that of HdrHistogram (G. Tene).
_BITS = 5
_PARTS = 1 << _BITS
_OCTAVES = 36  # up to 2^41 ns, 36 minutes


class LatencyHistogram:
    """Counts times in whole nanoseconds.

    Example:
        >>> h = LatencyHistogram()
        >>> for us in range(1, 101): h.add(us * 1e-6)
        >>> round(h.percentile_s(0.5) * 1e6)
        51
    """

    def __init__(self) -> None:
        self._counts = array("Q", bytes(8 * _PARTS * (_OCTAVES + 2)))
        self.count = 0
        self.max_s = 0.0

    def add(self, seconds: float) -> None:
        ns = max(0, int(seconds * 1e9))
        octave = max(0, ns.bit_length() - _BITS - 1)
        place = (octave << _BITS) + (ns >> octave)
        self._counts[min(place, len(self._counts) - 1)] += 1
        self.count += 1
        if seconds > self.max_s:
            self.max_s = seconds

    def percentile_s(self, fraction: float) -> float | None:
        """The upper edge of the bucket with the value that `fraction` of all don't exceed."""
        if not self.count:
            return None
        wanted, seen = max(1, -int(-fraction * self.count // 1)), 0
        for place, count in enumerate(self._counts[:-1]):  # the last one has no upper edge
            seen += count
            if seen >= wanted:
                return min(_upper_ns(place) * 1e-9, self.max_s)
        return self.max_s

    @property
    def memory_bytes(self) -> int:
        return len(self._counts) * self._counts.itemsize


def _upper_ns(place: int) -> int:
    """The first value of the next bucket."""
    octave = max(0, (place >> _BITS) - 1)
    return (place + 1 - (octave << _BITS)) << octave

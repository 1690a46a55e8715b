"""Binary answers of instruments: definite-length blocks, and the preamble that explains a waveform.

    #<digits><length><bytes>      #41000 and 1000 bytes

Source: IEEE 488.2, arbitrary block response data, and SCPI as programming manuals of common
oscilloscopes describe it (waveform preamble of ten numbers).
"""

import math
from dataclasses import dataclass

from labs.errors import LabError

MOST_POINTS = 1 << 28  # of a record: more is an error of the instrument
LONGEST_HEADER = 11  # '#', one digit, nine digits


class ScpiTrouble(Exception):
    """An answer that can't be used, or none: the connection is made anew."""


def block_header(data: bytes) -> tuple[int, int] | None:
    """What a block begins with: bytes of the header, and of the data behind it.

    None: more bytes are needed to tell.

    Raises:
        ScpiTrouble: no such header, or one of a block whose length isn't known beforehand.
    """
    if not data:
        return None
    if data[:1] != b"#":
        raise ScpiTrouble(f"an answer that begins with {data[:8]!r} instead of '#'")
    if len(data) < 2:
        return None
    if data[1:2] == b"0":
        raise ScpiTrouble("a block of indefinite length, whose end can't be told from data")
    if not 0x31 <= data[1] <= 0x39:
        raise ScpiTrouble(f"a block header {data[:LONGEST_HEADER]!r}")
    end = 2 + data[1] - 0x30
    digits = data[2:end]
    if any(not 0x30 <= d <= 0x39 for d in digits):
        raise ScpiTrouble(f"a block header {data[:LONGEST_HEADER]!r}")
    return None if len(data) < end else (end, int(digits))


@dataclass(frozen=True)
class Preamble:
    """Of one record of one channel: value = (count - y_reference) * y_increment + y_origin.

    `x_origin_s` is the time of its first sample, `x_increment_s` from one sample to the next.
    """

    points: int
    x_increment_s: float
    x_origin_s: float
    y_increment: float
    y_origin: float
    y_reference: float

    @property
    def offset(self) -> float:
        """The value of count 0."""
        return self.y_origin - self.y_reference * self.y_increment

    def text(self, form: str) -> str:
        """format, type, points, count, and the numbers, with all digits of a float64."""
        numbers = (self.x_increment_s, self.x_origin_s, 0, self.y_increment, self.y_origin,
                   self.y_reference)  # fmt: skip
        return f"{form},0,{self.points},1," + ",".join(f"{v:.17g}" for v in numbers)


def read_preamble(text: str) -> Preamble:
    """The preamble in an instrument's answer.

    Raises:
        ScpiTrouble: it isn't ten numbers, or they can't be.
    """
    parts = text.split(",")
    try:
        numbers = [float(p) for p in parts]
    except ValueError:
        numbers = []
    if len(numbers) != 10 or not all(math.isfinite(v) for v in numbers):
        raise ScpiTrouble(f"a preamble {text[:24]!r} instead of ten numbers")
    _, _, points, _, x_increment, x_origin, x_reference, *y = numbers
    if not 0 <= points <= MOST_POINTS or points != int(points):
        raise ScpiTrouble(f"a record of {points:g} points")
    if not 1e-15 <= x_increment <= 1e6 or y[0] == 0:
        raise ScpiTrouble(f"a preamble {text[:24]!r}: no time or no value of a step")
    return Preamble(int(points), x_increment, x_origin - x_reference * x_increment, *y)


def not_an_instrument(address: object, got: str, next_step: str) -> LabError:
    """The error that a source ends with when an instrument can't be used."""
    return LabError(
        f"read the instrument at {address}",
        expected="an instrument that answers SCPI over TCP",
        got=got,
        next_step=next_step,
    )

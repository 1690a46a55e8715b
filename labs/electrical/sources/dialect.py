"""The commands that an instrument wants, as data: another make of instrument is another Dialect."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Dialect:
    """What commands an instrument wants; the defaults are those of common oscilloscopes.

    {} is replaced by the input's name, a number of points, or what the line's name says.
    """

    identify: str = "*IDN?"
    points: str = ":ACQ:POIN {}"
    form: str = ":WAV:FORM {}"
    order: str = ":WAV:BYT {}"
    run: str = ":RUN"
    digitize: str = ":DIG;*OPC?"
    select: str = ":WAV:SOUR {}"
    preamble: str = ":WAV:PRE?"
    data: str = ":WAV:DATA?"
    label: str = ":{}:LAB?"
    unit: str = ":{}:UNIT?"
    error: str = ":SYST:ERR?"

"""Records that six hasty validators say PASS to: material for exercise 5.11.

Each validator has a good record and a bad one. Whoever reads on sees what is wrong with the bad
ones; the exercise is to know before, from the validators' code.
"""

import numpy as np

from labs.errors import ExerciseError

FS_HZ = 10_000.0
LETTERS = "ABCDEF"
_BLOCK = 500  # samples


def record(letter: str, *, good: bool) -> tuple:
    """The arguments for a validator.

    Args:
        letter: which validator.
        good: the record that is within limits; else the one that isn't, or that can't be judged.

    Raises:
        ExerciseError: there is no such validator.
    """
    if letter not in LETTERS:
        raise ExerciseError(
            f"make a record for validator {letter!r}",
            expected=f"one of {', '.join(LETTERS)}",
            got=repr(letter),
        )
    return _MAKERS[letter](good)


def _mains(seconds: float, hz: float = 50.0, volts: float = 230.0) -> np.ndarray:
    t = np.arange(round(seconds * FS_HZ)) / FS_HZ
    return volts * np.sqrt(2) * np.sin(2 * np.pi * hz * t)


def _blocks(x: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """(number of its first sample, samples), block by block."""
    return [(i, x[i : i + _BLOCK]) for i in range(0, len(x), _BLOCK)]


# **************** what is wrong: don't read on before exercise 5.11 ****************


def _values(good: bool) -> tuple:
    urms = np.full(50, 230.0)
    if not good:
        urms[20:24] = np.nan  # nobody knows what was there
    return (urms,)


def _lossy(good: bool) -> tuple:
    blocks = _blocks(_mains(2.0))
    if not good:
        del blocks[17:23]  # 300 ms that nobody saw
    return (blocks,)


def _short_dip(good: bool) -> tuple:
    x = _mains(10.0)
    if not good:
        x[30_000:30_600] *= 0.3  # three cycles
    return (x,)


def _clipped(good: bool) -> tuple:
    x = _mains(1.0) * (1.0 if good else 1.5)  # 345 V, with a peak of 488 V
    return (np.clip(np.round(x / 0.19), -2048, 2047).astype(np.int16),)


def _burst(good: bool) -> tuple:
    x = np.zeros(4000)
    if not good:
        x[1484:1516] = 40.0  # across the end of a block
    return (_blocks(x),)


def _off_frequency(good: bool) -> tuple:
    hz = 50.0 if good else 49.3
    share = 0.03 if good else 0.12  # of the fifth harmonic
    return _mains(1.0, hz) + share * _mains(1.0, 5 * hz), FS_HZ


_MAKERS = dict(
    zip(LETTERS, (_values, _lossy, _short_dip, _clipped, _burst, _off_frequency), strict=True)
)

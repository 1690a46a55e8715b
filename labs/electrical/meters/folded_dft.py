"""The bins beside harmonics of a window of whole cycles, without the others: a folded DFT.

A window of C cycles of M samples, n = c M + m, N = C M. Bin C h + r of it is bin h of an M-point
DFT of the window folded onto one cycle,

    y_r[m] = exp(-2 pi j r m / N) sum_c x[c M + m] exp(-2 pi j r c / C)
    X[C h + r] = DFT_M(y_r)[h],   X[C h - r] = DFT_M(conj y_r)[h] for real x,

because exp(-2 pi j C h n / N) = exp(-2 pi j h m / M). The sum over c has C constants; y_r = a + j b
needs two real transforms, A and B: X[C h + r] = A[h] + j B[h], X[C h - r] = A[h] - j B[h].

A real M-point transform is folded twice more. Even harmonics see y[m] + y[m + M/2], odd ones the
difference; of what is left, a cosine sees the part that is even about its middle and a sine the odd
one. A matrix product of a quarter of M does the rest.

Source: the identities follow from the definition; electrical-test practice uses them under many
names.
"""

from dataclasses import dataclass

import numpy as np
from tinygrad import Tensor

VECTOR = 8  # lanes of the widest common vectors, AVX2's


@dataclass(frozen=True)
class Plan:
    """Which bins are found: C h + r and C h - r, for h up to `highest` and each r of `beside`."""

    cycles: int
    points: int
    highest: int
    beside: tuple[int, ...] = (1,)

    @property
    def rows(self) -> int:
        """Real series that a window is folded to: bin C h itself, then two for each r."""
        return 1 + 2 * len(self.beside)

    @property
    def half(self) -> int:
        """Harmonics of each parity that are transformed: even 0, 2, ...; odd 1, 3, ... A few more
        than are needed: whole vectors."""
        return -(-(self.highest // 2 + 1) // VECTOR) * VECTOR

    def tables(self) -> dict[str, np.ndarray]:
        """The constants, to be put on a device: `fold` [rows, C], `twist` [2, rows, M] and `waves`
        [4, M/4 + 1, half]: cosines and sines of even harmonics, then of odd ones."""
        c, m = np.arange(self.cycles), np.arange(self.points)
        fold, cosines, sines = [np.ones(self.cycles)], [np.ones(self.points)], [0 * m]
        for r in self.beside:
            turn = 2 * np.pi * r * c / self.cycles
            fold += [np.cos(turn), -np.sin(turn)]
            angle = 2 * np.pi * r * m / (self.cycles * self.points)
            cosines += [np.cos(angle)] * 2
            sines += [np.sin(angle), -np.sin(angle)]
        return {
            "fold": np.array(fold),
            "twist": np.array([cosines, sines]),
            "waves": self._waves(),
        }

    def _waves(self) -> np.ndarray:
        quarter = np.arange(self.points // 4 + 1)
        even = 2 * np.pi * np.outer(quarter, 2 * np.arange(self.half)) / self.points
        odd = 2 * np.pi * np.outer(quarter, 2 * np.arange(self.half) + 1) / self.points
        return np.array([np.cos(even), np.sin(even), np.cos(odd), np.sin(odd)])


def bins(x: Tensor, plan: Plan, tables: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """The bins of each window, not yet scaled.

    Args:
        x: [window, C M], real. M a multiple of 4.
        tables: of the plan, on x's device.

    Returns:
        Real and imaginary parts, [1 + 2 len(beside), window, h], h = 0 ... : C h, then C h + r and
        C h - r for each r.
    """
    re, im = transform(fold(x, plan, tables), plan, tables)
    plus_re, plus_im = re[1::2] - im[2::2], im[1::2] + re[2::2]
    minus_re, minus_im = re[1::2] + im[2::2], im[1::2] - re[2::2]
    both = (Tensor.stack(p, m, dim=1) for p, m in ((plus_re, minus_re), (plus_im, minus_im)))
    shape = (2 * len(plan.beside), *re.shape[1:])
    sides = [s.reshape(shape) for s in both]
    return re[:1].cat(sides[0]), im[:1].cat(sides[1])


def fold(x: Tensor, plan: Plan, tables: dict[str, Tensor]) -> Tensor:
    """[window, C M] -> y, [row, window, M]: a real series, then real and imaginary parts, by r."""
    x = x.reshape(1, -1, plan.cycles, plan.points)
    k = tables["fold"].reshape(plan.rows, 1, plan.cycles, 1)
    return (x * k).sum(2).contiguous()


def transform(s: Tensor, plan: Plan, tables: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Folded sums [row, window, M] -> real and imaginary parts [row, window, h]."""
    rows, windows, points = s.shape
    cosine, sine = (t.reshape(rows, 1, points) for t in tables["twist"])
    # a row's partner: the other part of the same complex series; the first is real, and alone
    other = s[:1].cat(Tensor.stack(s[2::2], s[1::2], dim=1).reshape(rows - 1, windows, points))
    y = s * cosine + other * sine
    first, second = y[..., : points // 2], y[..., points // 2 :]
    folded = Tensor.stack(*_symmetric(first + second), *_symmetric(first - second)[::-1])
    parts = folded.reshape(4, rows * windows, points // 4 + 1).contiguous() @ tables["waves"]
    even_re, even_im, odd_re, odd_im = parts.reshape(4, rows, windows, plan.half)
    re = Tensor.stack(even_re, odd_re, dim=-1).reshape(rows, windows, -1)
    im = Tensor.stack(even_im, odd_im, dim=-1).reshape(rows, windows, -1)
    return re, -im


def _symmetric(y: Tensor) -> tuple[Tensor, Tensor]:
    """[..., 2 q] -> what is even and what is odd about q, [..., q + 1] each.

    y[0] and y[q] have no partner and stand in both: where they don't belong the wave is 0.
    """
    q = y.shape[-1] // 2
    ahead, back = y[..., 1:q], y[..., q + 1 :].flip(-1)
    first, middle = y[..., :1], y[..., q : q + 1]
    return tuple(first.cat(part, middle, dim=-1) for part in (ahead + back, ahead - back))


def harmonic_subgroups(x: Tensor, plan: Plan, tables: dict[str, Tensor]) -> Tensor:
    """RMS of each harmonic subgroup, and THDS.

    A pre-compliance implementation of the method of IEC 61000-4-7: subgroup h is the root of the
    sum of squares of bins C h - 1, C h and C h + 1; THDS is that of subgroups 2 and up, as part of
    subgroup 1.

    Args:
        x: [window, C M]; plan: with bins 1 beside.

    Returns:
        [window, highest + 1]: subgroups 1 to highest, then THDS as a ratio.
    """
    return _subgroups(*bins(x, plan, tables), plan)


def interharmonic_subgroups(x: Tensor, plan: Plan, tables: dict[str, Tensor]) -> Tensor:
    """As `harmonic_subgroups`, then the interharmonic centred subgroups.

    Between harmonics h and h + 1 that is the root of the sum of squares of bins C h + 2 to
    C h + C - 2.

    Args:
        plan: with bins 1 to C / 2 beside.

    Returns:
        [window, 2 highest]: subgroups 1 to highest, THDS, interharmonic 1 to highest - 1.
    """
    re, im = bins(x, plan, tables)
    squares = (re.square() + im.square()) * (2 / (plan.cycles * plan.points) ** 2)
    last = plan.highest
    between = None
    for place, r in enumerate(plan.beside):
        if r < 2:
            continue
        after = squares[1 + 2 * place, :, 1:last]
        before = squares[2 + 2 * place, :, 2 : last + 1]
        # bin C h + C / 2 is its own mirror
        both = after if 2 * r == plan.cycles else after + before
        between = both if between is None else between + both
    return _subgroups(re[:3], im[:3], plan).cat(between.sqrt(), dim=-1)


def _subgroups(re: Tensor, im: Tensor, plan: Plan) -> Tensor:
    squares = (re.square() + im.square()).sum(0)[:, 1 : plan.highest + 1]
    squares = squares * (2 / (plan.cycles * plan.points) ** 2)
    thds = (squares[:, 1:].sum(-1, keepdim=True) / squares[:, :1]).sqrt()
    return squares.sqrt().cat(thds, dim=-1)

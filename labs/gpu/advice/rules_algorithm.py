"""Algorithms: two formulations of the same result in four fields, measured here before one is
advised.

Fewer operations are not always less time: a prefix sum or a product of matrices suits a device
better or worse than a convolution. So each pair is timed on this device, and the faster one is
advised; where no difference is seen, nothing is.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from labs import toolchain
from labs.bench.workload import normal
from labs.gpu.advice.model import NotAdvised, Recommendation, Trial
from labs.gpu.advice.situation import jitted, median_call_s
from labs.gpu.advice.verify import within
from labs.units import format_count, format_seconds

toolchain.activate()

from tinygrad import Tensor, TinyJit

AREA = "algorithm"
WORTH = 1.1
TAPS, BLOCK = 64, 64  # of a low-pass; samples that one row of the blocked filter yields
WINDOW = 1000  # samples of one cycle: 50 Hz at 50 kHz
HARMONICS = 50  # Source: IEC 61000-4-7, which groups harmonics up to the 50th
SAMPLES = 32  # that a layer sees


@dataclass(frozen=True)
class Pair:
    """Two formulations of one result.

    Args:
        field: what it is for; rule: its short name.
        names: of the usual and of the other formulation.
        advice: statements, when the usual and when the other one is faster.
        inputs: generator -> arrays; prepare: arrays -> those of the other formulation, outside the
            clock.
        flop: floating-point operations of each, counted by hand.
    """

    field: str
    rule: str
    names: tuple[str, str]
    advice: tuple[str, str]
    inputs: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    usual: Callable[..., Tensor]
    other: Callable[..., Tensor]
    prepare: Callable[..., tuple[np.ndarray, ...]]
    reference: Callable[..., np.ndarray]
    flop: tuple[float, float]
    rtol: float = 1e-3
    atol: float = 1e-3
    launches_usual: int = 1


def pairs(n: int = 1 << 16) -> tuple[Pair, ...]:
    """The four pairs, for signals of about n samples."""
    n = max(n // BLOCK, 4) * BLOCK
    side = max(32, int(round(n**0.5 / 32)) * 32)
    return (_rms(n), _layer(256), _product(min(side, 512)), _fir(n), _spectrum(n))


def advise_algorithms(device: str, n: int = 1 << 16) -> list[Recommendation | NotAdvised]:
    """One answer for each pair."""
    return [_advise(pair, device) for pair in pairs(n)]


def _advise(pair: Pair, device: str) -> Recommendation | NotAdvised:
    try:
        trial = trial_of(pair, device)
        for name, function in trial.functions.items():
            if not within(function(), trial.answers[name], pair.rtol, pair.atol):
                return NotAdvised(AREA, pair.rule, f"'{name}' is not exact enough on {device}")
    except Exception as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        return NotAdvised(AREA, pair.rule, f"it can't be measured on {device}: {first[:100]}")
    usual_s, other_s = (median_call_s(f, device) for f in trial.functions.values())
    faster = 1 if other_s < usual_s else 0
    gain = max(usual_s, other_s) / min(usual_s, other_s)
    evidence = (
        f"'{pair.names[0]}' takes {format_seconds(usual_s)} and {format_count(pair.flop[0])} FLOP",
        f"'{pair.names[1]}' takes {format_seconds(other_s)} and {format_count(pair.flop[1])} FLOP",
    )
    if gain < WORTH:
        return NotAdvised(AREA, pair.rule, f"no difference is seen: {'; '.join(evidence)}")
    return Recommendation(
        AREA,
        pair.rule,
        pair.advice[faster],
        evidence,
        gain,
        "both timed on this device, a few calls each",
        lambda: trial_of(pair, device, faster),
        field=pair.field,
    )


def trial_of(pair: Pair, device: str, faster: int = 1) -> Trial:
    """Both formulations, captured; the one that is advised comes second."""
    arrays = pair.inputs(np.random.default_rng(0))
    answer = pair.reference(*arrays)
    made = [
        _captured(pair.usual, arrays, device, pair.launches_usual),
        _captured(pair.other, pair.prepare(*arrays), device, 1),
    ]
    order = (1 - faster, faster)
    functions = {pair.names[i]: made[i] for i in order}
    answers = dict.fromkeys(functions, answer)
    note = "What is prepared from the inputs once is outside the clock."
    if pair.launches_usual > 1:
        answers[pair.names[0]] = np.split(answer, pair.launches_usual)[-1]
        note += " Of the results one at a time, the last is checked."
    return Trial(device, functions, answers, pair.rtol, pair.atol, note)


def _captured(
    function: Callable[..., Tensor], arrays: tuple[np.ndarray, ...], device: str, calls: int
) -> Callable[[], Tensor]:
    if calls == 1:
        return jitted(function, tuple(Tensor(a, device=device).realize() for a in arrays))
    # the first input is given piece by piece, one captured call for each
    pieces = [Tensor(part, device=device).realize() for part in np.split(arrays[0], calls)]
    others = [Tensor(a, device=device).realize() for a in arrays[1:]]
    step = TinyJit(lambda *xs: function(*xs).contiguous().realize())
    for piece in pieces[:3]:
        step(piece, *others)

    def run() -> Tensor:
        for piece in pieces:
            result = step(piece, *others)
        return result

    return run


def _rms(n: int) -> Pair:
    """The effective value of every window of one cycle, one sample apart."""

    def usual(x: Tensor) -> Tensor:
        ones = Tensor.full((1, 1, 1, WINDOW), 1 / WINDOW, device=x.device)
        return (x * x).reshape(1, 1, 1, -1).conv2d(ones).reshape(-1).sqrt()

    def other(x: Tensor) -> Tensor:
        total = (x * x).cumsum().pad((1, 0))
        return ((total[WINDOW:] - total[:-WINDOW]) / WINDOW).maximum(0).sqrt()

    def reference(x: np.ndarray) -> np.ndarray:
        total = np.concatenate([[0.0], np.cumsum(np.square(x, dtype=np.float64))])
        return np.sqrt((total[WINDOW:] - total[:-WINDOW]) / WINDOW)

    m = n - WINDOW + 1
    return Pair(
        "electrical",
        "rms",
        ("a sum for every window", "differences of a running sum"),
        (
            "Compute sliding effective values with a sum for every window.",
            "Compute sliding effective values from differences of one running sum.",
        ),
        lambda rng: (normal(rng, (n,), "float32"),),
        *(usual, other, lambda x: (x,), reference),
        (n + 2 * m * WINDOW + m, 2 * n + 3 * m),
        # a running sum of n squares has lost the last digits of a window's
        rtol=5e-3,
    )


def _layer(width: int) -> Pair:
    """A layer for 32 samples: one at a time, or all in one product."""

    def layer(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return (x @ w + b).relu()

    def reference(x: np.ndarray, w: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.maximum(x.astype(np.float64) @ w + b, 0)

    flop = SAMPLES * (2.0 * width * width + 2 * width)
    return Pair(
        "networks",
        "layer",
        ("one sample at a time", "all samples in one product"),
        (
            f"Give a layer its {SAMPLES} samples one at a time.",
            f"Give a layer its {SAMPLES} samples as one matrix.",
        ),
        lambda rng: (
            normal(rng, (SAMPLES, width), "float32"),
            normal(rng, (width, width), "float32") / np.float32(width**0.5),
            normal(rng, (width,), "float32"),
        ),
        *(layer, layer, lambda *arrays: arrays, reference),
        (flop, flop),
        launches_usual=SAMPLES,
    )


def _product(n: int) -> Pair:
    """A product of two matrices and a vector, in one order or the other."""

    def reference(a: np.ndarray, b: np.ndarray, v: np.ndarray) -> np.ndarray:
        return a.astype(np.float64) @ (b.astype(np.float64) @ v)

    scale = np.float32(n**-0.5)
    return Pair(
        "scientific",
        "product",
        ("(A B) v", "A (B v)"),
        (
            "Multiply (A B) v from the left.",
            "Multiply A (B v) from the right: two vectors, no n^3.",
        ),
        lambda rng: (
            normal(rng, (n, n), "float32") * scale,
            normal(rng, (n, n), "float32") * scale,
            normal(rng, (n, 1), "float32"),
        ),
        lambda a, b, v: (a @ b) @ v,
        lambda a, b, v: a @ (b @ v),
        lambda *arrays: arrays,
        reference,
        (2.0 * n**3 + 2 * n * n, 4.0 * n * n),
    )


def _fir(n: int) -> Pair:
    """A 64-tap filter: as a convolution, or in blocks as a product with a Toeplitz matrix."""

    def usual(x: Tensor, h: Tensor) -> Tensor:
        return x.reshape(1, 1, 1, -1).conv2d(h.flip(0).reshape(1, 1, 1, TAPS)).reshape(-1)

    def other(blocks: Tensor, toeplitz: Tensor) -> Tensor:
        return (blocks @ toeplitz).reshape(-1)

    def prepare(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, ...]:
        rows = BLOCK + TAPS - 1
        toeplitz = np.zeros((rows, BLOCK), np.float32)
        for column in range(BLOCK):
            toeplitz[column : column + TAPS, column] = h[::-1]
        windows = np.lib.stride_tricks.sliding_window_view(x, rows)[::BLOCK]
        return np.ascontiguousarray(windows), toeplitz

    return Pair(
        "signal",
        "fir",
        ("convolution", "blocks times a matrix"),
        (
            "Filter with a convolution: a product of blocks with a matrix is no faster.",
            f"Filter in blocks of {BLOCK} samples, as one product with a matrix of the taps.",
        ),
        lambda rng: (normal(rng, (n + TAPS - 1,), "float32"), normal(rng, (TAPS,), "float32")),
        *(usual, other, prepare),
        lambda x, h: np.convolve(x.astype(np.float64), h.astype(np.float64), "valid"),
        (2.0 * TAPS * n, 2.0 * (BLOCK + TAPS - 1) * n),
    )


def _spectrum(n: int) -> Pair:
    """50 harmonics of every cycle: of all bins of a transform, or only these."""
    cycles = max(1, n // WINDOW)
    # a waveform of whole cycles, so harmonic k is bin k
    angles = 2 * np.pi * np.outer(np.arange(WINDOW), np.arange(WINDOW // 2)) / WINDOW
    basis = np.concatenate([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    kept = np.concatenate(
        [basis[:, : HARMONICS + 1], basis[:, WINDOW // 2 : WINDOW // 2 + HARMONICS + 1]], 1
    )

    def magnitudes(x: Tensor, b: Tensor) -> Tensor:
        both = x @ b
        half = b.shape[1] // 2
        power = both[:, :half].square() + both[:, half:].square()
        return (power.sqrt() * (2 / WINDOW))[:, : HARMONICS + 1]

    def reference(x: np.ndarray, _basis: np.ndarray) -> np.ndarray:
        return np.abs(np.fft.rfft(x.astype(np.float64), axis=1))[:, : HARMONICS + 1] * (2 / WINDOW)

    bins = 2 * (HARMONICS + 1)
    return Pair(
        "electrical",
        "harmonics",
        ("all bins", f"{HARMONICS} harmonics"),
        (
            "Transform all bins of a cycle.",
            f"Transform only the {HARMONICS} harmonics that are asked for, not all bins.",
        ),
        lambda rng: (normal(rng, (cycles, WINDOW), "float32"), basis),
        *(magnitudes, magnitudes, lambda x, _: (x, np.ascontiguousarray(kept)), reference),
        (2.0 * cycles * WINDOW * WINDOW, 2.0 * cycles * WINDOW * bins),
    )

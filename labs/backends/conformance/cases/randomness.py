"""Group "random": the same bits for the same seed on every device, and the right distributions.

tinygrad's generator is a counter run through Threefry: integer arithmetic, so that devices must
agree bit for bit. The comparison is with tinygrad's PYTHON device, which is slow and always there.
"""

import numpy as np
from tinygrad import Context, Tensor, dtypes

from labs.backends.conformance.case import Cases, Skipped, check
from labs.backends.conformance.compare import close, exact
from labs.backends.conformance.subject import Subject

CASES = Cases("random")
REFERENCE = "PYTHON"


def _draw(device: str, seed: int, make) -> np.ndarray:
    Tensor.manual_seed(seed)
    return make(device).numpy()


def _same_as_python(name: str, make, ulps: float = 0.0) -> None:
    def run(s: Subject) -> None:
        if s.name == REFERENCE:
            raise Skipped(f"this device is {REFERENCE}")
        got, want = (_draw(d, 1234, make) for d in (s.name, REFERENCE))
        if ulps:
            close(got, want.astype(np.float64), "float32", ulps=ulps, scale=1.0)
        else:
            exact(got, want)

    CASES.add(f"same-as-python/{name}", run)


_same_as_python("rand", lambda d: Tensor.rand(24, device=d))
_same_as_python("rand-odd", lambda d: Tensor.rand(5, 3, device=d))
_same_as_python("randint", lambda d: Tensor.randint(16, low=-50, high=1000, device=d))
_same_as_python("randn", lambda d: Tensor.randn(12, device=d), ulps=64)


@CASES.case("same-seed-same-numbers")
def _reproducible(s: Subject) -> None:
    draws = [_draw(s.name, 7, lambda d: Tensor.rand(1000, device=d)) for _ in range(2)]
    exact(draws[0], draws[1])


@CASES.case("other-seed-other-numbers")
def _other(s: Subject) -> None:
    a, b = (_draw(s.name, seed, lambda d: Tensor.rand(1000, device=d)) for seed in (7, 8))
    check((a == b).mean() < 0.01, "two seeds gave the same numbers")


@CASES.case("goes-on")
def _goes_on(s: Subject) -> None:
    Tensor.manual_seed(7)
    a, b = (Tensor.rand(1000, device=s.name).numpy() for _ in range(2))
    check((a == b).mean() < 0.01, "the second draw repeats the first")


@CASES.case("uniform")
def _uniform(s: Subject) -> None:
    x = _draw(s.name, 3, lambda d: Tensor.rand(s.pick(50_000, 5_000), device=d))
    check(x.min() >= 0 and x.max() < 1, f"rand reaches from {x.min()} to {x.max()}")
    # five standard errors: 1/sqrt(12 n) of the mean; each decile within five of its own
    error = 5 / np.sqrt(12 * x.size)
    check(abs(x.mean() - 0.5) < error, f"the mean of rand is {x.mean():.4f}")
    shares = np.histogram(x, 10, (0, 1))[0] / x.size
    check(np.abs(shares - 0.1).max() < 5 * np.sqrt(0.09 / x.size), f"the deciles are {shares}")


@CASES.case("normal")
def _normal(s: Subject) -> None:
    x = _draw(s.name, 3, lambda d: Tensor.randn(s.pick(50_000, 5_000), device=d)).astype(np.float64)
    check(np.isfinite(x).all(), "randn gave NaN or infinity")
    check(abs(x.mean()) < 5 / np.sqrt(x.size), f"the mean of randn is {x.mean():.4f}")
    check(abs(x.std() - 1) < 5 / np.sqrt(2 * x.size), f"its deviation is {x.std():.4f}")


@CASES.case("randint")
def _randint(s: Subject) -> None:
    x = _draw(s.name, 3, lambda d: Tensor.randint(4000, low=-3, high=4, device=d))
    exact(np.unique(x), np.arange(-3, 4))


@CASES.case("randperm")
def _randperm(s: Subject) -> None:
    x = _draw(s.name, 3, lambda d: Tensor.randperm(24, device=d))
    exact(np.sort(x), np.arange(24))


@CASES.case("dropout")
def _dropout(s: Subject) -> None:
    Tensor.manual_seed(5)
    x = s.tensor(np.ones(4000, np.float32))
    with Context(TRAINING=1):
        got = x.dropout(0.25).numpy()
    check(set(np.unique(got.round(4))) <= {np.float32(0), np.float32(1.3333)}, "odd values")
    check(abs((got == 0).mean() - 0.25) < 0.04, f"{(got == 0).mean():.3f} were dropped, not 0.25")


@CASES.case("half", dtypes=("float16",))
def _half(s: Subject) -> None:
    x = _draw(s.name, 3, lambda d: Tensor.rand(2000, dtype=dtypes.float16, device=d))
    check(x.min() >= 0 and x.max() < 1, f"rand reaches from {x.min()} to {x.max()}")

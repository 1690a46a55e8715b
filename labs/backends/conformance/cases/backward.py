"""Group "backward": gradients against central differences of the same function in numpy float64."""

import numpy as np
from tinygrad import Tensor

from labs.backends.conformance.case import Cases, Wrong
from labs.backends.conformance.cases.conv import conv2d
from labs.backends.conformance.compare import close
from labs.backends.conformance.subject import Subject

CASES = Cases("backward")
STEP = 1e-5  # of the differences, in float64
TOLERANCE = 2e-4  # of the directional derivative, in float32 arithmetic


def _gradient(name: str, ours, reference, *shapes: tuple[int, ...]) -> None:
    """The gradient's product with random directions is the function's change along them."""

    def run(s: Subject) -> None:
        rng = s.rng(name)
        values = [rng.normal(size=shape) for shape in shapes]
        inputs = [s.tensor(v.astype(np.float32)) for v in values]
        loss = ours(*inputs)
        grads = loss.gradient(*inputs)
        Tensor.realize(loss, *grads)
        values = [v.astype(np.float32).astype(np.float64) for v in values]
        want = np.asarray(reference(*values))
        close(loss.numpy(), want, "float32", ulps=256, scale=np.abs(want) + 1)
        for which, grad in enumerate(grads):
            if grad.shape != values[which].shape:
                raise Wrong(f"the gradient of input {which} has the shape {grad.shape}")
            got = grad.numpy().astype(np.float64)
            for _ in range(3):
                direction = rng.normal(size=values[which].shape)
                ends = []
                for sign in (1, -1):
                    moved = list(values)
                    moved[which] = moved[which] + sign * STEP * direction
                    ends.append(float(reference(*moved)))
                change = (ends[0] - ends[1]) / (2 * STEP)
                along = float((got * direction).sum())
                scale = 1 + np.abs(got * direction).sum()
                if not abs(along - change) <= TOLERANCE * scale:
                    raise Wrong(
                        f"along a direction of input {which} the gradient says {along:.6g}, "
                        f"the function changes by {change:.6g}"
                    )

    CASES.add(name, run)


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


_gradient("square", lambda x: x.square().sum(), lambda x: (x**2).sum(), (7,))
_gradient(
    "exp-log", lambda x: (x.exp() + 1).log().sum(), lambda x: np.log(np.exp(x) + 1).sum(), (9,)
)
_gradient("tanh", lambda x: x.tanh().sum(), lambda x: np.tanh(x).sum(), (3, 5))
_gradient(
    "sin-mul", lambda x, y: (x.sin() * y).sum(), lambda x, y: (np.sin(x) * y).sum(), (8,), (8,)
)
_gradient(
    "div",
    lambda x, y: (x / (y.square() + 1)).sum(),
    lambda x, y: (x / (y**2 + 1)).sum(),
    (6,),
    (6,),
)
_gradient("relu", lambda x: (x.relu() * x).sum(), lambda x: (np.maximum(x, 0) * x).sum(), (11,))
_gradient(
    "broadcast", lambda x, y: ((x + y) ** 2).sum(), lambda x, y: ((x + y) ** 2).sum(), (4, 5), (5,)
)
_gradient(
    "matmul", lambda a, b: ((a @ b) ** 2).sum(), lambda a, b: ((a @ b) ** 2).sum(), (4, 6), (6, 3)
)
_gradient("max", lambda x: x.max(1).square().sum(), lambda x: (x.max(1) ** 2).sum(), (5, 6))
_gradient("softmax", lambda x: (x.softmax() ** 2).sum(), lambda x: (_softmax(x) ** 2).sum(), (4, 7))
_gradient(
    "layernorm",
    lambda x: (x.layernorm() ** 3).mean(),
    lambda x: (
        ((x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)) ** 3
    ).mean(),
    (3, 8),
)
_gradient(
    "conv2d",
    lambda x, w: (x.conv2d(w, padding=1) ** 2).mean(),
    lambda x, w: (conv2d(x, w, padding=1) ** 2).mean(),
    (1, 2, 5, 5),
    (3, 2, 3, 3),
)
_gradient(
    "permute-pad-flip",
    lambda x: (x.permute(1, 0).pad(((1, 0), (0, 2))).flip(0).cumsum(0) ** 2).sum(),
    lambda x: (np.pad(x.T, ((1, 0), (0, 2)))[::-1].cumsum(0) ** 2).sum(),
    (4, 3),
)

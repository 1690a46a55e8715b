"""Material for exercises whose answer would show in the notebook's own code."""

from dataclasses import dataclass
from html import escape

from labs import toolchain

toolchain.activate()

from tinygrad import Tensor

from labs.lowering import lower

# the letters of exercise 1.4, see labs/grading/checks/nb01.py
_FOUR = {"A": "CUDA", "B": "WGSL", "C": "OPENCL", "D": "METAL"}
_PRE = "font-family:monospace;white-space:pre-wrap;margin:0 0 1em"


@dataclass(frozen=True, repr=False)
class Sources:
    """Named source texts, shown one below the other."""

    items: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        return "\n\n".join(f"---- {name} ----\n{text}" for name, text in self.items)

    def _repr_html_(self) -> str:
        return "".join(
            f"<p><b>{escape(name)}</b></p><pre style='{_PRE}'>{escape(text)}</pre>"
            for name, text in self.items
        )


def four_kernels() -> Sources:
    """One kernel in four languages, called A to D, without the lines that only set things up."""
    expression = lambda: Tensor.empty(64).relu()  # noqa: E731 - `lower` wants a function
    return Sources(tuple((k, _kernel_only(expression, target)) for k, target in _FOUR.items()))


def _kernel_only(expression, target: str) -> str:
    source = lower(expression, target).kernels[0].source
    lines = source.strip().splitlines()
    marks = ("__global__", "@group", "@compute", "__kernel", "kernel void")
    start = next((i for i, line in enumerate(lines) if any(m in line for m in marks)), 0)
    return "\n".join(lines[start:])

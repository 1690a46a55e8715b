"""Finding what is wrong on a device: ours, tinygrad's own, or one that a reader has written.

    from labs import debug
    debug.bisect((a @ b).softmax(-1), "MINE")          # the first kernel that computes wrongly
    with debug.guard("MINE") as g: run()               # writes outside of buffers, double frees
    debug.why_slow("matmul:n=256", "MINE")             # where the time goes

Every tool returns frozen data that a notebook shows; names are loaded from their files on first
use. Nothing of a device is changed for longer than a tool runs.
"""

from importlib import import_module
from typing import Any

_NAMES = {
    "DebugError": "errors",
    "Mismatch": "mismatch",
    "first_mismatch": "mismatch",
    "ulp_distances": "ulp",
    "Bisection": "report",
    "Checked": "report",
    "Divergence": "report",
    "bisect": "bisection",
    "Finding": "findings",
    "GuardReport": "findings",
    "guard": "guarding",
    "UninitialisedRead": "uninitialised",
    "find_uninitialised": "uninitialised",
    "NonFinite": "nonfinite",
    "trace_nonfinite": "nonfinite",
    "LeakReport": "leaking",
    "LeakSite": "leaking",
    "find_leaks": "leaking",
    "Timeline": "timeline_data",
    "TimelineEvent": "timeline_data",
    "timeline": "recording",
    "Diagnosis": "diagnosis",
    "Hint": "diagnosis",
    "why_slow": "diagnosis",
}

__all__ = [*_NAMES]


def __getattr__(name: str) -> Any:
    if name in _NAMES:
        return getattr(import_module(f"labs.debug.{_NAMES[name]}"), name)
    raise AttributeError(f"labs.debug has no {name!r}. It has: {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES])

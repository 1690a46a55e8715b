"""How ELECTRICAL splits a kernel's loops: which axis becomes a vector, which a register tile, which
is shared out to the cores.

Unofficial seam of tinygrad 0.14.0: codegen.opt.postrange.apply_opts imports
codegen.opt.heuristic.hand_coded_optimizations when it is called. `install()` puts a function there
that asks the renderer first; other devices get tinygrad's own answer. This module is imported with
the device's, so tinygrad's compile workers have it too.
"""

from tinygrad.codegen.opt import heuristic

from labs.backends.electrical.options import Options

_stock = heuristic.hand_coded_optimizations


def install() -> None:
    """Let a renderer with `choose_opts` choose; twice is once."""
    heuristic.hand_coded_optimizations = _hand_coded_optimizations


def _hand_coded_optimizations(kernel):
    choose = getattr(kernel.ren, "choose_opts", None)
    chosen = choose(kernel) if choose else None
    return _stock(kernel) if chosen is None else chosen


def choose(kernel, options: Options):
    return None

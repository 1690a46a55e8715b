"""Benchmark names: what their parts mean, and the short form that tables and charts show.

A name is workload/size/dtype/cache/clock, such as "matmul/n=500/float32/warm/wall". Functions of
the reader's own have no size and no dtype.
"""

import re
from collections.abc import Iterable

# parts of a name that are neither the workload's size nor its dtype
_SETTINGS = frozenset(("warm", "cold", "wall", "device", "jit", "eager"))
_DTYPE = re.compile(r"(b?float|u?int|bool)\d*")


def workload_of(name: str) -> str:
    """'matmul/n=500/float32/warm/wall' -> 'matmul'."""
    return name.split("/")[0]


def dtype_of(name: str) -> str:
    """'matmul/n=500/float32/warm/wall' -> 'float32'; empty for functions of the reader's own."""
    return next((p for p in name.split("/") if _DTYPE.fullmatch(p)), "")


def case_label(name: str) -> str:
    """'matmul/n=500/float32/warm/wall' -> 'matmul n=500': what tells rows apart.

    Several dimensions are shortened: 'linear/batch=128,inputs=784/...' -> 'linear 128x784'.

    A comparison of two implementations, 'a/... -> b/...', gives 'a -> b'.
    """
    if " -> " in name:
        return " -> ".join(workload_of(part) for part in name.split(" -> "))
    parts = name.split("/")
    size = next((p for p in parts[1:] if p not in _SETTINGS and not _DTYPE.fullmatch(p)), "")
    if "," in size:
        size = "x".join(part.partition("=")[2] or part for part in size.split(","))
    return f"{parts[0]} {size}".strip()


def row_labels(names: Iterable[str]) -> dict[str, str]:
    """Full name -> what a table shows: the short form, or the full name where that is ambiguous."""
    names = list(dict.fromkeys(names))
    short = {name: case_label(name) for name in names}
    taken = list(short.values())
    return {n: label if taken.count(label) == 1 else n for n, label in short.items()}


def shared_settings(names: Iterable[str]) -> str:
    """What all names share after workload and size: 'float32, warm, wall'; may be empty."""
    kept = [
        [p for p in name.split("/")[1:] if p in _SETTINGS or _DTYPE.fullmatch(p)]
        for name in names
        if " -> " not in name
    ]
    return ", ".join(p for p in kept[0] if all(p in k for k in kept)) if kept else ""

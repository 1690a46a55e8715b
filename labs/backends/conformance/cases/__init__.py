"""The questions, one file for each group. A file's CASES is what it adds."""

from importlib import import_module

from labs.backends.conformance.case import Case, by_name

FILES = (
    "opening",
    "allocator",
    "copies",
    "views",
    "compiler",
    "launch",
    "synchronize",
    "unary",
    "binary",
    "integer",
    "bitwise",
    "comparisons",
    "casts",
    "transcendental",
    "special",
    "shapes",
    "reduce",
    "matmul",
    "conv",
    "indexing",
    "scan",
    "randomness",
    "jit",
    "symbolic",
    "instances",
    "threads",
    "pickling",
    "backward",
    "failing",
)


def all_cases() -> dict[str, Case]:
    """Every case by its name. Imports tinygrad."""
    modules = [import_module(f"{__name__}.{file}") for file in FILES]
    return by_name(case for module in modules for case in module.CASES)

"""A model of caches: the addresses of a kernel through sets of lines, the oldest thrown out.

A model, not a measurement: real caches prefetch, hash their addresses, replace by other rules than
"least recently used", and are shared. It answers which part of the traffic could be kept, and its
results say "model" wherever they show.

Source of the model: Hennessy and Patterson, "Computer Architecture", appendix B: set-associative
caches with least-recently-used replacement; a write brings its line in (write allocate).
"""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from labs import units
from labs.errors import LabError
from labs.gpu.access.caches import CacheLevel
from labs.gpu.access.stream import AddressStream
from labs.tables import Table, TableView

ASSUMED_WAYS = 16  # where the system lists none


@dataclass(frozen=True)
class ModelLevel:
    """One cache of the model.

    Args:
        bytes: capacity; line_bytes: what it keeps as one piece; ways: lines of one set.
    """

    name: str
    bytes: int
    line_bytes: int
    ways: int

    @property
    def sets(self) -> int:
        return self.bytes // (self.line_bytes * self.ways)


# What one block sees on one multiprocessor: its first-level cache when no shared memory is used,
# and the whole second level. Kept in sectors of 32 bytes, as these caches fetch them; the ways are
# assumed. Sources: NVIDIA, "H100 Tensor Core GPU Architecture" (256 KB, 50 MB), "A100 Tensor Core
# GPU Architecture" (192 KB, 40 MB), white papers.
_GPU = {"sm_90": (256 << 10, 50 << 20), "sm_80": (192 << 10, 40 << 20)}


def gpu_levels(arch: str = "sm_90") -> tuple[ModelLevel, ...]:
    """L1 of one multiprocessor and L2 of an NVIDIA GPU, for the model.

    Raises:
        LabError: an architecture whose sizes aren't written down here.
    """
    if arch not in _GPU:
        raise LabError(
            f"Model the caches of {arch}",
            expected=f"one of {', '.join(_GPU)}",
            got=repr(arch),
            next_step="make ModelLevels with the sizes of your GPU",
        )
    first, second = _GPU[arch]
    return (
        ModelLevel("L1", first, 32, ASSUMED_WAYS),
        ModelLevel("L2", second, 32, ASSUMED_WAYS),
    )


@dataclass(frozen=True)
class LevelResult:
    """What one level of the model did.

    Args:
        accesses: lines asked for; hits: of those, found. load_accesses, load_hits: by loads.
    """

    level: ModelLevel
    accesses: int
    hits: int
    load_accesses: int
    load_hits: int

    @property
    def hit_rate(self) -> float | None:
        """Hits / accesses of this level; None when nothing was asked of it."""
        return self.hits / self.accesses if self.accesses else None

    @property
    def missed_bytes(self) -> int:
        return (self.accesses - self.hits) * self.level.line_bytes


@dataclass(frozen=True, repr=False)
class CacheSimulation(TableView):
    """Hit rates of a modelled hierarchy, for one stream of addresses.

    Args:
        levels: from the first on; each gets the misses of the one before.
        requested: accesses of lanes in the stream; taken: which part of the kernel it is.
    """

    kernel: str
    target: str
    levels: tuple[LevelResult, ...]
    requested: int
    taken: str

    @property
    def hit_rate(self) -> float | None:
        """Of the first level."""
        return self.levels[0].hit_rate

    @property
    def memory_bytes(self) -> int:
        """Bytes of the lines that the last level missed."""
        return self.levels[-1].missed_bytes

    def table(self) -> Table:
        rows = tuple(
            (
                f"{r.level.name} (model)",
                units.format_bytes(r.level.bytes),
                f"{r.level.line_bytes} B x {r.level.ways} ways x {r.level.sets} sets",
                units.format_count(r.accesses),
                units.format_percent(r.hit_rate),
                units.format_bytes(r.missed_bytes),
            )
            for r in self.levels
        )
        columns = ("cache", "size", "lines", "lines asked for", "hit rate", "missed")
        note = (
            f"A model (sets of lines, least recently used goes first), not a measurement. "
            f"{units.format_count(self.requested)} accesses followed: {self.taken}."
        )
        return Table(f"Modelled caches of {self.kernel} on {self.target}", columns, rows, note)


def simulate_cache(
    stream: AddressStream | Sequence[int] | np.ndarray,
    levels: Sequence[ModelLevel | CacheLevel],
    *,
    bytes_per_access: int = 1,
) -> CacheSimulation:
    """Follow addresses through a hierarchy of caches that start empty. A model.

    Args:
        stream: from `address_stream`, or byte addresses in order.
        levels: from the first on, such as `host_caches()`; ways that aren't listed count as 16.
        bytes_per_access: of plain addresses.

    Returns:
        Hits of each level. Lanes of one request that touch the same line ask for it once.

    Raises:
        LabError: no level, or one that holds less than one set of lines.
    """
    if not isinstance(stream, AddressStream):
        stream = _plain(stream, bytes_per_access)
    chosen = tuple(_model(level) for level in levels)
    if not chosen:
        raise LabError(
            "Model caches",
            expected="at least one level",
            got="none",
            next_step="pass ModelLevels: this machine doesn't list its caches",
        )
    # what is smaller than a line of a later level asks for that line, so lines only grow or stay
    addresses, is_store = _lines(stream, chosen[0].line_bytes)
    results = []
    for level in chosen:
        lines = addresses // level.line_bytes
        hit = _follow(lines, level)
        loads = ~is_store
        results.append(
            LevelResult(
                level, len(lines), int(hit.sum()), int(loads.sum()), int((hit & loads).sum())
            )
        )
        addresses, is_store = addresses[~hit], is_store[~hit]
    return CacheSimulation(stream.kernel, stream.target, tuple(results), len(stream), stream.taken)


def _plain(addresses: Sequence[int] | np.ndarray, width: int) -> AddressStream:
    found = np.asarray(addresses, dtype=np.int64)
    if found.ndim != 1 or (found < 0).any() or width < 1:
        raise LabError(
            "Follow addresses through a cache",
            expected="byte addresses from 0 on, in order, and 1 or more bytes per access",
            got=f"{str(addresses)[:60]}, {width} bytes",
        )
    n = len(found)
    return AddressStream(
        found,
        np.full(n, width),
        np.arange(n),
        np.zeros(n, dtype=bool),
        "a list of addresses",
        "no target",
        n,
        "all of them",
    )


def _model(level: ModelLevel | CacheLevel) -> ModelLevel:
    line, ways = level.line_bytes or 64, level.ways or ASSUMED_WAYS
    model = ModelLevel(level.name, level.bytes, line, ways)
    if line < 1 or ways < 1 or model.sets < 1:
        raise LabError(
            f"Model the cache {level.name}",
            expected="room for at least one set: bytes of line_bytes x ways or more",
            got=f"{level.bytes} B for {ways} ways of {line} B",
        )
    return model


def _lines(stream: AddressStream, line_bytes: int) -> tuple[np.ndarray, np.ndarray]:
    """Start addresses of the lines that are asked for, each once in a request, in order."""
    first = stream.addresses // line_bytes
    last = (stream.addresses + stream.widths - 1) // line_bytes
    counts = last - first + 1
    lines = np.repeat(first, counts) + _ramp(counts)
    requests = np.repeat(stream.requests, counts)
    stores = np.repeat(stream.is_store, counts)
    if not len(lines):
        return lines, stores
    # requests come in order, so sorting by line inside a request keeps that order
    order = np.lexsort((lines, requests))
    lines, requests, stores = lines[order], requests[order], stores[order]
    new = np.ones(len(lines), dtype=bool)
    new[1:] = (lines[1:] != lines[:-1]) | (requests[1:] != requests[:-1])
    return lines[new] * line_bytes, stores[new]


def _ramp(counts: np.ndarray) -> np.ndarray:
    """[2, 1, 3] -> [0, 1, 0, 0, 1, 2]."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)


def _follow(lines: np.ndarray, level: ModelLevel) -> np.ndarray:
    """Which accesses find their line. A repeat of the line just asked for always does."""
    hit = np.zeros(len(lines), dtype=bool)
    if not len(lines):
        return hit
    hit[1:] = lines[1:] == lines[:-1]
    kept: dict[int, OrderedDict[int, None]] = {}
    sets, ways = level.sets, level.ways
    for place in np.flatnonzero(~hit).tolist():
        line = int(lines[place])
        lines_of_set = kept.setdefault(line % sets, OrderedDict())
        if line in lines_of_set:
            lines_of_set.move_to_end(line)
            hit[place] = True
        else:
            if len(lines_of_set) == ways:
                lines_of_set.popitem(last=False)
            lines_of_set[line] = None
    return hit

"""Lowering: one expression and all its stages for any target, and device memory seen from outside.

`lower` runs nothing. `trace_memory` watches the allocators of real devices while the reader's own
code runs.
"""

from labs.lowering.comparison import ComparedLine, SourceComparison, compare_sources
from labs.lowering.exploration import Exploration, explore_compilation_system
from labs.lowering.lower import lower
from labs.lowering.memory import trace_memory
from labs.lowering.model import (
    STAGES,
    BufferUse,
    Graph,
    Kernel,
    Lowering,
    Node,
    ScheduleItem,
    Stage,
)
from labs.lowering.targets import TARGETS, Target
from labs.lowering.trace import Leak, Leaks, MemoryEvent, MemoryTrace

__all__ = [
    "STAGES",
    "TARGETS",
    "BufferUse",
    "ComparedLine",
    "Exploration",
    "Graph",
    "Kernel",
    "Leak",
    "Leaks",
    "Lowering",
    "MemoryEvent",
    "MemoryTrace",
    "Node",
    "ScheduleItem",
    "SourceComparison",
    "Stage",
    "Target",
    "compare_sources",
    "explore_compilation_system",
    "lower",
    "trace_memory",
]

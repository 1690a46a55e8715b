"""The inside of `device="EDGE"`: cores, compiler, memory, emulator, cost model.

`labs.backends.runtime.ops_edge` puts them together in tinygrad's shape.
"""

from labs.backends.edge.build import compile_kernel, entry_point
from labs.backends.edge.cores import CORES, DEFAULT_ARCH, LEVELS, Core, parse_arch
from labs.backends.edge.errors import (
    EdgeBudgetExceeded,
    EdgeFault,
    EdgeIllegalInstruction,
    EdgeMemoryFault,
    EdgeOutOfMemory,
    EdgeStackOverflow,
)
from labs.backends.edge.memory import Block, MemoryMap, Region
from labs.backends.edge.model import CostModel
from labs.backends.edge.runs import EdgeRun, EdgeRuns, runs_table

__all__ = [
    "CORES",
    "DEFAULT_ARCH",
    "LEVELS",
    "Block",
    "Core",
    "CostModel",
    "EdgeBudgetExceeded",
    "EdgeFault",
    "EdgeIllegalInstruction",
    "EdgeMemoryFault",
    "EdgeOutOfMemory",
    "EdgeRun",
    "EdgeRuns",
    "EdgeStackOverflow",
    "MemoryMap",
    "Region",
    "compile_kernel",
    "entry_point",
    "parse_arch",
    "runs_table",
]

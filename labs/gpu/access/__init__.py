"""Access patterns: how a kernel's lanes go through memory, and what that costs.

`analyze_access` reads it from the code for any target, `measure_patterns` and `bandwidth_by_size`
measure it on a device, `simulate_cache` follows the addresses through a model of caches.
"""

from labs.gpu.access.analysis import analyze_access
from labs.gpu.access.cache_model import (
    CacheSimulation,
    LevelResult,
    ModelLevel,
    gpu_levels,
    simulate_cache,
)
from labs.gpu.access.caches import CacheLevel, cache_levels, host_caches
from labs.gpu.access.coalescing import Coalescing, bank_conflicts, coalescing_of_addresses
from labs.gpu.access.measure import PATTERN_SET, bandwidth_by_size, measure_patterns
from labs.gpu.access.model import Access, AccessAnalysis, Footprint, KernelAccess
from labs.gpu.access.patterns import PATTERNS, pattern
from labs.gpu.access.results import (
    BandwidthBySize,
    BandwidthPoint,
    PatternResult,
    PatternResults,
)
from labs.gpu.access.stream import AddressStream, address_stream
from labs.gpu.access.traffic import Traffic, traffic_of

__all__ = [
    "PATTERNS",
    "PATTERN_SET",
    "Access",
    "AccessAnalysis",
    "AddressStream",
    "BandwidthBySize",
    "BandwidthPoint",
    "CacheLevel",
    "CacheSimulation",
    "Coalescing",
    "Footprint",
    "KernelAccess",
    "LevelResult",
    "ModelLevel",
    "PatternResult",
    "PatternResults",
    "Traffic",
    "address_stream",
    "analyze_access",
    "bandwidth_by_size",
    "bank_conflicts",
    "cache_levels",
    "coalescing_of_addresses",
    "gpu_levels",
    "host_caches",
    "measure_patterns",
    "pattern",
    "simulate_cache",
    "traffic_of",
]

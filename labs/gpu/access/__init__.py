"""Access patterns: how a kernel's lanes go through memory, and what that costs.

`analyze_access` reads it from the code for any target, `measure` measures it on a device,
`cache_model` follows the addresses through a model of caches.
"""

from labs.gpu.access.analysis import analyze_access
from labs.gpu.access.coalescing import Coalescing, bank_conflicts, coalescing_of_addresses
from labs.gpu.access.model import Access, AccessAnalysis, Footprint, KernelAccess

__all__ = [
    "Access",
    "AccessAnalysis",
    "Coalescing",
    "Footprint",
    "KernelAccess",
    "analyze_access",
    "bank_conflicts",
    "coalescing_of_addresses",
]

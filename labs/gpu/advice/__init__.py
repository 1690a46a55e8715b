"""Recommendations: rules over what was measured on this device, each of which can be applied.

A rule (`rules_*.py`) looks at a Situation and returns a Recommendation, or says why it doesn't
apply. `Recommendation.apply()` makes the change on the reader's own workload and measures it.
"""

from labs.gpu.advice.model import (
    AREAS,
    Applied,
    NotAdvised,
    Recommendation,
    Recommendations,
    Trial,
    Verified,
)

__all__ = [
    "AREAS",
    "Applied",
    "NotAdvised",
    "Recommendation",
    "Recommendations",
    "Trial",
    "Verified",
]

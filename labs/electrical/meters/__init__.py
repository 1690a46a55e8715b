"""Measurements E0 to E8, by kind. Each is one file here; `kind(name)` finds it."""

from importlib import import_module

from labs.electrical.meters.meter import Kind, Meter, Parameter, Setting, Window
from labs.errors import LabError

# name -> module with a KIND of that name
_MODULES = {
    "urms_half": "urms",  # E1
    "voltage_events": "events",  # E1
    "harmonics": "harmonics",  # E2
    "frequency": "frequency",
    "power": "power",  # E3
    "unbalance": "unbalance",  # E3
    "phasor": "phasor",  # E4
    "rms": "rms",
    "fir": "fir",  # E5
    "mask": "mask",  # E6
    "pulse": "pulse",  # E7
    "adc": "adc",  # E8
    "composite": "composite",  # E0
}
NAMES = tuple(_MODULES)


def kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        LabError: there is none.
    """
    if name not in _MODULES:
        raise LabError(
            f"measure '{name}'",
            expected=f"one of {', '.join(NAMES)}",
            got=repr(name),
            next_step="correct the name; labs.electrical.meters.NAMES lists them",
        )
    return import_module(f"labs.electrical.meters.{_MODULES[name]}").KIND


__all__ = ["NAMES", "Kind", "Meter", "Parameter", "Setting", "Window", "kind"]

"""Devices and a trace with known contents for the widget tests."""

from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Status:
    device: str
    usable: bool
    reason: str = ""
    fix: str = ""


@pytest.fixture
def discovery():
    """As `labs.devices.discover` answers, without opening a driver."""
    return (
        Status("CPU", True),
        Status("PYTHON", True),
        Status("CUDA", False, "no driver <libcuda>\nmore about it", "install the driver"),
    )


@pytest.fixture(scope="session")
def wait():
    """Ends a run in at most a minute."""

    def ended(button):
        assert button.wait(60), "the run did not end within a minute"

    return ended

"""Answers that are handed on in a file: nobody is asked again, unless that is asked for."""

import pytest

from labs.devices import discovery
from labs.devices.answers import VARIABLE, save_answers, saved_answers
from labs.devices.capabilities import DeviceCapabilities

FOUND = discovery.Discovery(
    (
        discovery.DeviceStatus(
            "CPU", True, "", "", DeviceCapabilities("a processor", dtypes=("float32",)), 0.5
        ),
        discovery.DeviceStatus("METAL", False, "no Mac here", "find a Mac", None, 0.0),
    )
)


@pytest.fixture
def answers(tmp_path, monkeypatch):
    """The file of FOUND, named in the environment of a process that has asked nobody yet."""
    path = tmp_path / "answers.json"
    save_answers(FOUND, path)
    monkeypatch.setenv(VARIABLE, str(path))
    monkeypatch.setattr(discovery, "_known", {})
    return path


def test_discover_when_answers_are_handed_on_then_they_are_the_same(answers):
    found = discovery.discover(["CPU", "METAL"])
    assert found == FOUND
    assert found["CPU"].capabilities.dtypes == ("float32",)


def test_discover_when_it_shall_refresh_then_the_drivers_are_asked(answers):
    assert discovery.discover(["METAL"], refresh=True)["METAL"].reason != "no Mac here"


def test_saved_answers_when_nothing_is_handed_on_then_none(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert saved_answers() == {}


def test_saved_answers_when_the_file_is_missing_then_an_error(monkeypatch, tmp_path):
    monkeypatch.setenv(VARIABLE, str(tmp_path / "none.json"))
    with pytest.raises(OSError):
        saved_answers()

import pytest

from labs import colab
from labs.errors import ToolchainError


def test_installs_exactly_what_the_lock_pins_and_says_what_is_missing():
    asked = []
    text = colab.prepare(lambda command: asked.append(command) or 0)
    assert "--require-hashes" in asked[0] and asked[0][-1].endswith("requirements.lock")
    assert "WEBGPU" in text and "restart" in text


def test_a_failed_install_is_said():
    with pytest.raises(ToolchainError, match="exit status 1"):
        colab.prepare(lambda command: 1)

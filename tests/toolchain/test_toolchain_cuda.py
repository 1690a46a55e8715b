"""NVIDIA's compiler and headers: of the toolkit, else from PyPI; nothing is downloaded."""

import pytest

from labs.toolchain import cuda
from labs.toolchain.files import LINUX, Library

pytestmark = pytest.mark.skipif(not LINUX, reason="the layout of the Linux wheels")


@pytest.fixture
def wheels(tmp_path, monkeypatch):
    """The folders of nvidia-cuda-nvrtc-cu12, -runtime-cu12 and nvjitlink; no toolkit."""
    root = tmp_path / "nvidia"
    for file in (
        "cuda_nvrtc/lib/libnvrtc.so.12",
        "nvjitlink/lib/libnvJitLink.so.12",
        "cuda_runtime/include/cuda_fp16.h",
    ):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).write_bytes(b"\x7fELF")
    monkeypatch.setattr(cuda, "package_dir", lambda name: root)
    monkeypatch.setattr(cuda, "_toolkit_dirs", lambda: (tmp_path / "toolkit",))
    monkeypatch.setattr(cuda, "TOOLKIT_INCLUDES", ())
    return root


def test_the_wheels_are_used_when_there_is_no_toolkit(wheels):
    library, variables = cuda.find_cuda({})
    assert library.origin == "nvidia-cuda-nvrtc"
    assert variables == {
        "NVRTC_PATH": str(wheels / "cuda_nvrtc/lib/libnvrtc.so.12"),
        "NVJITLINK_PATH": str(wheels / "nvjitlink/lib/libnvJitLink.so.12"),
        "CUDA_PATH": str(wheels / "cuda_runtime"),
    }


def test_the_toolkit_goes_first(wheels, tmp_path):
    (tmp_path / "toolkit").mkdir()
    (tmp_path / "toolkit" / "libnvrtc.so.13").write_bytes(b"\x7fELF")
    library, variables = cuda.find_cuda({})
    assert library.origin == "system" and "NVRTC_PATH" not in variables


def test_the_users_choice_wins(wheels):
    library, variables = cuda.find_cuda({"NVRTC_PATH": "/mine.so", "CUDA_PATH": "/mine"})
    assert isinstance(library, Library) and library.origin == "user"
    assert "CUDA_PATH" not in variables and "NVRTC_PATH" not in variables


def test_nothing_there_is_a_reason(monkeypatch, tmp_path):
    monkeypatch.setattr(cuda, "package_dir", lambda name: None)
    monkeypatch.setattr(cuda, "_toolkit_dirs", lambda: (tmp_path,))
    reason, variables = cuda.find_cuda({})
    assert "NVRTC" in reason and variables == {}

"""Writing small files safely, and finding libraries."""

import os

import pytest

from labs.toolchain import files

pytestmark = pytest.mark.skipif(not files.LINUX, reason="library names of Linux")


def test_an_unchanged_file_is_not_written_again(tmp_path):
    path = tmp_path / "shim"
    files.write_if_different(path, b"one", executable=True)
    inode = path.stat().st_ino
    files.write_if_different(path, b"one", executable=True)
    assert path.stat().st_ino == inode
    files.write_if_different(path, b"two", executable=True)
    assert path.read_bytes() == b"two" and os.access(path, os.X_OK)
    assert os.listdir(tmp_path) == ["shim"]


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "shim"
    path.write_bytes(b"old")

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        files.write_if_different(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["shim"]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("libfoo.so", b"\x7fELF...", True),
        ("libfoo.so.1.2", b"\x7fELF...", True),
        ("libfoo.so", b"/* GNU ld script */", False),
        ("libfoobar.so", b"\x7fELF...", False),
        ("libfoo.a", b"\x7fELF...", False),
    ],
)
def test_only_libraries_are_found(tmp_path, name, content, found):
    (tmp_path / name).write_bytes(content)
    assert (files.find_library("foo", [tmp_path, tmp_path / "none"]) is not None) is found

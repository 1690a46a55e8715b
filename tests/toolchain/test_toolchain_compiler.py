"""The compiler finder: what is taken, what is refused and why, and that the shim heals."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from labs.errors import ToolchainError
from labs.toolchain import compiler

pytestmark = pytest.mark.skipif(
    compiler.package_dir("ziglang") is None, reason="needs ziglang: pip install ziglang"
)
posix = pytest.mark.skipif(os.name != "posix", reason="shell scripts as compilers: POSIX only")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An empty state folder whose name would break careless quoting."""
    folder = tmp_path / "Zuhause mit Ümläut's $x"
    monkeypatch.setenv("COURSE_HOME", str(folder))
    return folder


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def only_path(monkeypatch, *folders: Path) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join([*map(str, folders), "/bin", "/usr/bin"]))
    monkeypatch.setattr(compiler, "_system_clangs", _clangs_in(folders))


def _clangs_in(folders):
    # this machine's own clang, if any, is not part of the test
    def find():
        for folder in folders:
            if path := shutil.which("clang", path=str(folder)):
                yield path

    return find


def test_zig_is_taken_when_nothing_else_is_there(monkeypatch, home):
    only_path(monkeypatch)
    found = compiler.find_compiler()
    assert found.origin == "zig"
    assert "clang version" in found.version
    assert Path(found.path).is_relative_to(home)


def test_the_kept_answer_starts_no_process(monkeypatch):
    only_path(monkeypatch)
    first = compiler.find_compiler()

    def never(*args, **kwargs):
        raise AssertionError("a process was started")

    monkeypatch.setattr(compiler.subprocess, "run", never)
    assert compiler.find_compiler() == first


@posix
def test_gcc_named_by_cc_is_refused_with_its_own_words():
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("needs gcc: sudo apt-get install gcc")
    with pytest.raises(ToolchainError) as caught:
        compiler.verify_compiler(gcc)
    assert "--target" in caught.value.got
    assert "clang" in str(caught.value)


@posix
def test_a_refused_cc_falls_through_to_the_next_and_says_so(monkeypatch, tmp_path):
    only_path(monkeypatch)
    broken = script(tmp_path / "gcc", "echo 'gcc: error: unrecognized option --target' >&2; exit 1")
    refused = []
    found = compiler.choose_compiler(str(broken), refused)
    assert found.origin == "zig"
    assert refused == [
        f"CC = {broken}: refuses tinygrad's options: gcc: error: unrecognized option --target"
    ]


@posix
def test_a_working_cc_wins_over_a_system_clang(monkeypatch, tmp_path):
    zig = compiler.zig_shim()[1]
    mine = script(tmp_path / "my clang" / "cc", f'exec "{zig}" clang "$@"')
    system = script(tmp_path / "bin" / "clang", f'exec "{zig}" clang "$@"')
    only_path(monkeypatch, system.parent)
    assert compiler.find_compiler(str(mine)).origin == "CC"
    assert compiler.find_compiler().origin == "system"
    assert compiler.find_compiler().path == str(system)


@posix
@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("echo 'clang: error: unknown argument -march=native' >&2; exit 1", "unknown argument"),
        ("exit 0", "did not write an ELF object"),
        ("echo hello", "did not write an ELF object"),
        ("kill -SEGV $$", "killed by signal 11"),
    ],
)
def test_a_broken_system_clang_is_skipped_with_the_reason(monkeypatch, tmp_path, body, why):
    only_path(monkeypatch, script(tmp_path / "bin" / "clang", body).parent)
    refused = []
    assert compiler.choose_compiler(None, refused).origin == "zig"
    assert len(refused) == 1 and refused[0].startswith("system clang") and why in refused[0]


@posix
def test_a_compiler_that_hangs_is_given_up(monkeypatch, tmp_path):
    monkeypatch.setattr(compiler, "PROBE_TIMEOUT_S", 0.2)
    hanging = script(tmp_path / "clang", "exec sleep 30")
    with pytest.raises(ToolchainError, match="did not compile"):
        compiler.verify_compiler(str(hanging))


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("/no/such/clang", "no such program"),
        (f"{sys.executable} -O3", "2 words"),
        (__file__, "not an executable"),
    ],
)
def test_what_is_not_a_program_is_refused(path, why):
    with pytest.raises(ToolchainError) as caught:
        compiler.verify_compiler(path)
    assert why in caught.value.got


@posix
def test_a_changed_compiler_is_asked_again(tmp_path):
    zig = compiler.zig_shim()[1]
    path = script(tmp_path / "clang", "exit 1")
    with pytest.raises(ToolchainError):
        compiler.verify_compiler(str(path))
    script(path, f'exec "{zig}" clang "$@"')
    assert "clang version" in compiler.verify_compiler(str(path))


def test_no_compiler_at_all_is_an_error_that_names_every_attempt(monkeypatch):
    only_path(monkeypatch)
    monkeypatch.setattr(compiler, "package_dir", lambda name: None)
    with pytest.raises(ToolchainError) as caught:
        compiler.find_compiler("/no/such/gcc")
    assert "/no/such/gcc" in caught.value.got and "ziglang is not installed" in caught.value.got
    assert "pip install ziglang" in caught.value.next_step


@posix
@pytest.mark.parametrize("damage", ["missing", "corrupt", "stale", "not executable"])
def test_a_damaged_shim_is_written_again(damage):
    shim, zig = compiler.zig_shim()
    good = shim.read_bytes()
    if damage == "missing":
        shim.unlink()
    elif damage == "corrupt":
        shim.write_bytes(good[: len(good) // 2])
    elif damage == "stale":
        shim.write_bytes(good.replace(os.fsencode(zig), b"/moved/away/zig"))
    else:
        shim.chmod(0o644)
    again, _ = compiler.zig_shim()
    assert again.read_bytes() == good and os.access(again, os.X_OK)


@posix
def test_a_zig_in_a_folder_with_spaces_and_umlauts_compiles(monkeypatch, tmp_path):
    folder = tmp_path / "Läufe 'n' $HOME"
    folder.mkdir()
    (folder / "ziglang").symlink_to(compiler.package_dir("ziglang"))
    monkeypatch.setattr(compiler, "package_dir", lambda name: folder / name)
    only_path(monkeypatch)
    found = compiler.find_compiler()
    assert found.origin == "zig"
    assert os.fsencode(folder.name)[:5] in Path(found.path).read_bytes()


@posix
def test_a_damaged_store_of_answers_is_replaced(monkeypatch, home):
    only_path(monkeypatch)
    first = compiler.find_compiler()
    store = home / "cache" / "toolchain" / "compilers.json"
    for damage in (b"{", b"[1]", b'{"a": 3}', b"\xff\xfe"):
        store.write_bytes(damage)
        assert compiler.find_compiler() == first
    assert json.loads(store.read_bytes())


def test_the_identity_depends_on_the_processor(monkeypatch):
    # a cache folder on a shared disk must not serve AVX-512 kernels to a smaller machine
    only_path(monkeypatch)
    here = compiler.find_compiler().identity
    monkeypatch.setattr(compiler, "_cpu", lambda: "flags: none")
    assert compiler.find_compiler().identity != here


def test_course_clang_is_zigs_clang():
    code = "from labs.toolchain import clang_main; clang_main()"
    command = [sys.executable, "-c", code, *compiler.compile_command("")[1:]]
    done = subprocess.run(
        command,
        input=compiler.PROBE.encode(),
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.stdout[:4] == b"\x7fELF"

"""Backends outside tinygrad: found by name, refused with a reason, forgotten without a trace."""

import os
import pickle
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from tinygrad import Device, Tensor, TinyJit
from tinygrad.device import CompileError
from tinygrad.helpers import GlobalCounters

from labs import backends
from labs.backends import registry
from labs.errors import DeviceError
from labs.paths import PROJECT_ROOT

pytestmark = pytest.mark.usefixtures("unregister_after")


def ones(device: str) -> list[float]:
    return (Tensor([1.0, 2.0, 3.0], device=device) * 2 + 1).tolist()


# **************** what works ****************


def test_register_when_given_a_file_then_the_device_computes(write_backend):
    backends.register("first", str(write_backend("first")))
    assert backends.registered()["FIRST"] == "ops_first"
    assert ones("FIRST") == ones("first:1") == [3.0, 5.0, 7.0]
    assert type(Device["FIRST"]).__module__ == "ops_first"


def test_register_when_called_twice_alike_then_the_open_device_stays(write_backend):
    file = write_backend("twice")
    backends.register("TWICE", file)
    opened = Device["TWICE"]
    backends.register("TWICE", file)
    assert Device["TWICE"] is opened


def test_register_when_given_a_class_or_a_module_then_takes_where_it_is_defined(write_backend):
    backends.register("KIND", write_backend("kind"))
    module = sys.modules["ops_kind"]
    backends.unregister("KIND")
    backends.register("KIND", module)
    backends.unregister("KIND")
    backends.register("KIND", module.KindDevice)
    assert backends.registered()["KIND"] == "ops_kind" and ones("KIND") == [3.0, 5.0, 7.0]


def test_register_without_arguments_then_knows_the_courses_two_and_imports_nothing():
    code = """
        import sys
        from labs import backends
        backends.register()
        assert set(backends.registered()) == {"ELECTRICAL", "EDGE"}
        assert not {"tinygrad", "numpy", "unicorn"} & sys.modules.keys()
    """
    _python(code)


def test_register_before_tinygrad_is_imported_then_dev_selects_the_backend(write_backend):
    file = write_backend("early")
    code = f"""
        from labs import backends
        backends.register("EARLY", {str(file)!r})
        from tinygrad import Tensor, Device
        assert Device.DEFAULT == "EARLY" and (Tensor([1, 2]) + 1).tolist() == [2, 3]
    """
    _python(code, DEV="EARLY")


def test_a_child_process_that_registers_then_knows_what_its_parent_has(write_backend):
    backends.register("PARENT", write_backend("parent"))
    code = """
        from labs import toolchain, backends
        toolchain.activate()
        backends.register()
        from tinygrad import Tensor
        assert (Tensor([1, 2], device="PARENT") + 1).tolist() == [2, 3]
    """
    _python(code)
    backends.unregister("PARENT")
    assert registry.HANDED_DOWN not in os.environ


def test_the_list_from_a_parent_when_it_is_nonsense_then_says_which_variable(monkeypatch):
    for text in ("[1]", "{", '{"CPU": ["x", ""]}'):
        monkeypatch.setenv(registry.HANDED_DOWN, text)
        with pytest.raises(DeviceError, match="unset COURSE_BACKENDS"):
            backends.register()


@pytest.mark.slow
def test_two_new_kernels_at_once_then_the_compile_workers_find_the_module(write_backend):
    file = write_backend("pooled")
    code = f"""
        from labs import toolchain, backends
        toolchain.activate()
        backends.register("POOLED", {str(file)!r})
        from tinygrad import Tensor
        a = Tensor([1.0, 2.0, 3.0, 4.0], device="POOLED").reshape(2, 2)
        print((a.sum(1).contiguous() * 3 + a.max()).tolist())
    """
    assert _python(code, PARALLEL="2", CACHELEVEL="0") == "[13.0, 25.0]"


# **************** what is refused ****************


@pytest.mark.parametrize("name", ["", "9", "a b", "a-b", "X:1", None, 3])
def test_register_when_the_name_cannot_be_one_then_says_what_can(name):
    with pytest.raises(DeviceError, match="beginning with a letter"):
        backends.register(name, "ops_x")


@pytest.mark.parametrize("name", ["cpu", "CUDA", "NULL", "disk"])
def test_register_when_tinygrad_has_that_device_then_refuses(name):
    with pytest.raises(DeviceError, match="tinygrad's own") as caught:
        backends.register(name, "ops_x")
    assert f"MY{name.upper()}" in caught.value.next_step


def test_register_when_the_name_has_another_module_then_refuses_and_keeps_the_first(write_backend):
    backends.register("TAKEN", write_backend("taken"))
    other = write_backend("taken").rename(write_backend("other"))
    with pytest.raises(DeviceError, match="TAKEN is ops_taken"):
        backends.register("TAKEN", other)
    assert ones("TAKEN") == [3.0, 5.0, 7.0]
    with pytest.raises(DeviceError, match="the course's own"):
        backends.register("EDGE", other)


def test_register_when_there_is_no_file_or_module_then_says_so(tmp_path):
    with pytest.raises(DeviceError, match="no file .*ops_none.py") as caught:
        backends.register("NONE", tmp_path / "ops_none.py")
    assert "create_backend_from_template" in caught.value.next_step
    with pytest.raises(DeviceError, match="no module 'no_such_module'"):
        backends.register("NONE", "no_such_module.ops_none")
    with pytest.raises(DeviceError, match="the name of a module"):
        backends.register("NONE")


def test_register_when_the_file_name_belongs_to_another_module_then_refuses(tmp_path):
    file = tmp_path / "json.py"
    file.write_text("")
    with pytest.raises(DeviceError, match="json is imported already"):
        backends.register("SHADOW", file)


@pytest.mark.parametrize(
    ("text", "got"),
    [
        ("import tinygrad.nothing_here", "No module named 'tinygrad.nothing_here'"),
        ("def f(:", "SyntaxError: invalid syntax (ops_bad.py, line 2)"),
        ("1 / 0", "ZeroDivisionError: division by zero (ops_bad.py, line 2, in <module>)"),
    ],
)
def test_register_when_the_module_does_not_import_then_names_the_line(tmp_path, text, got):
    file = tmp_path / "ops_bad.py"
    file.write_text(f"# a comment\n{text}\n")
    path = list(sys.path)
    with pytest.raises(DeviceError) as caught:
        backends.register("BAD", file)
    assert got in caught.value.got and "BAD" not in backends.registered()
    assert sys.path == path and "ops_bad" not in sys.modules


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ((("class OddDevice", "class StrangeDevice"),), "rename it to OddDevice"),
        ((("class OddDevice(Compiled)", "class OddDevice(dict)"),), "does not inherit from"),
        (
            (("def __init__(self, device: str)", "def __init__(self)"),),
            "OddDevice.__init__ has to take one argument",
        ),
        ((("def _offset", "def offset"),), "OddAllocator has no method _offset"),
        ((("def _copyin", "def copyin"),), "OddAllocator has no method _copyin"),
        ((("def _alloc", "def alloc_"),), "OddAllocator has no method _alloc"),
        ((("def __call__", "def launch"),), "OddProgram has no method __call__"),
        (((", obj: TinyELF)", ")"),), r"OddProgram.__init__ has to take \(dev, obj\)"),
        ((("        **kw,\n", ""),), r"OddProgram.__call__ has to take \(\*bufs"),
        (
            (("def __init__(self, target: Target)", "def __init__(self)"),),
            "one argument, the target",
        ),
        ((("def compile(self, source: str)", "def compile(self)"),), "OddCompiler.compile has to"),
    ],
)
def test_register_when_a_part_is_missing_then_names_it(write_backend, changes, text):
    with pytest.raises(DeviceError, match=text):
        backends.register("ODD", write_backend("odd", *changes))
    assert "ODD" not in backends.registered()
    sys.modules.pop("ops_odd", None)
    assert ones("CPU") == [3.0, 5.0, 7.0]


def test_register_when_the_class_is_in_a_notebook_then_refuses_with_the_way_that_works():
    code = """
        from labs import toolchain, backends
        toolchain.activate()
        from tinygrad.runtime.ops_python import PythonDevice
        class MineDevice(PythonDevice): pass
        from labs.errors import DeviceError
        for module in (MineDevice, "__main__"):
            try: backends.register("MINE", module)
            except DeviceError as error: print(error.next_step)
    """
    first, second = _python(code).splitlines()
    assert first == second and "%%writefile ops_mine.py" in first


# **************** opening ****************


def test_open_when_init_raises_then_says_where_and_other_devices_go_on(write_backend):
    change = ("super().__init__(device, alloc", "[][1]; super().__init__(device, alloc")
    backends.register("BROKEN", write_backend("broken", change))
    for _ in range(2):
        with pytest.raises(DeviceError) as caught:
            backends.open_backend("BROKEN")
        assert "IndexError: list index out of range (ops_broken.py, line" in caught.value.got
        assert "in __init__" in caught.value.got
    assert "BROKEN" not in Device._opened_devices
    assert ones("CPU") == [3.0, 5.0, 7.0]


def test_a_kernel_that_does_not_compile_then_shows_its_lines_and_the_device_goes_on(write_backend):
    change = ("f\"__builtin_sqrt{'' if", "f\"no_such_function{'' if")
    backends.register("REFUSED", write_backend("refused", change))
    with pytest.raises(CompileError) as caught:
        Tensor([4.0], device="REFUSED").sqrt().tolist()
    text = str(caught.value)
    assert "no_such_function" in text and "\n>" in text and "Next:" in text
    assert ones("REFUSED") == [3.0, 5.0, 7.0]


# **************** forgetting and reloading ****************


def test_unregister_when_tensors_live_then_they_say_so_and_nothing_leaks(write_backend):
    backends.register("LEAVING", write_backend("leaving"))
    cpu = Device["CPU"]
    here = Tensor([5.0, 6.0], device="CPU").realize()
    there = Tensor([1.0, 2.0, 3.0, 4.0], device="LEAVING").realize()
    part = there[1:3].contiguous().realize()
    jitted = TinyJit(lambda x: (x + 1).realize())
    for _ in range(3):
        jitted(there)
    assert GlobalCounters.mem_used_per_device["LEAVING"] > 0
    backends.unregister("LEAVING")
    assert GlobalCounters.mem_used_per_device["LEAVING"] == 0
    uses = [(Tensor.tolist, there), (Tensor.tolist, part), (lambda t: (t + 1).tolist(), part)]
    for use, lost in [*uses, (jitted, there)]:
        with pytest.raises(DeviceError, match="was unregistered"):
            use(lost)
    with pytest.raises(DeviceError, match="register\\('LEAVING'"):
        Tensor([1.0], device="LEAVING").realize()
    assert Device["CPU"] is cpu and (here + 1).tolist() == [6.0, 7.0]
    del there, part, jitted, uses, lost  # and their finalizers are silent


def test_unregister_then_register_again_then_old_tensors_stay_lost_and_new_ones_work(write_backend):
    file = write_backend("again")
    backends.register("AGAIN", file)
    old = Tensor([1.0, 2.0], device="AGAIN").realize()
    backends.unregister("AGAIN")
    backends.register("AGAIN", file)
    assert ones("AGAIN") == [3.0, 5.0, 7.0]
    with pytest.raises(DeviceError):
        old.tolist()


def test_unregister_when_the_name_is_unknown_then_nothing_happens():
    backends.unregister("NEVER_SEEN")


def test_reload_when_the_source_was_edited_then_this_process_uses_it(write_backend):
    file = write_backend("edited")
    backends.register("EDITED", file)
    old = Tensor([9.0], device="EDITED").realize()
    assert Tensor([4.0], device="EDITED").sqrt().tolist() == [2.0]
    before = backends.edition("EDITED")
    # as many bytes as before, within the same second: what Python's own cache doesn't notice
    file.write_text(file.read_text().replace("__builtin_sqrt{", "__builtin_ceil{"))
    backends.reload_backend("edited")
    assert Tensor([4.5], device="EDITED").sqrt().tolist() == [5.0]
    assert backends.edition("EDITED") > before
    with pytest.raises(DeviceError, match="was reloaded"):
        old.tolist()
    assert isinstance(Device["EDITED"], sys.modules["ops_edited"].EditedDevice)


def test_reload_when_the_new_source_is_wrong_then_the_old_one_stays(write_backend):
    file = write_backend("spoilt")
    backends.register("SPOILT", file)
    alive = Tensor([1.0], device="SPOILT").realize()
    good = file.read_text()
    for bad, text in (("def f(:", "SyntaxError"), ("1 / 0", "ZeroDivisionError")):
        file.write_text(f"{good}\n{bad}\n")
        with pytest.raises(DeviceError, match=text):
            backends.reload_backend("SPOILT")
    file.write_text(good.replace("def _offset", "def offset"))
    with pytest.raises(DeviceError, match="no method _offset"):
        backends.reload_backend("SPOILT")
    assert (alive + 1).tolist() == [2.0]  # it is the same device still
    pickle.dumps(alive)  # and its class is the one in its module


def test_reload_when_it_is_not_registered_then_says_what_is():
    backends.register()
    with pytest.raises(DeviceError, match="ELECTRICAL"):
        backends.reload_backend("NOBODY")


@pytest.mark.slow
def test_reload_then_the_compile_workers_render_with_the_new_source(write_backend):
    file = write_backend("worker", ("__builtin_sqrt{", "__builtin_floor{"))
    code = f"""
        from labs import toolchain, backends
        toolchain.activate()
        backends.register("WORKER", {str(file)!r})
        from tinygrad import Tensor
        from tinygrad.engine import worker
        def run(n):
            a = Tensor.full((n,), 6.5, device="WORKER").contiguous().realize()
            b, c = a.sqrt().contiguous(), (a + 1).sqrt().contiguous()  # two kernels: to the pool
            Tensor.realize(b, c)
            return b.tolist()[0]
        assert run(3) == 6.0 and worker.worker_pool is not None
        from pathlib import Path
        file = Path({str(file)!r})
        file.write_text(file.read_text().replace("__builtin_floor", "__builtin_ceil"))
        backends.reload_backend("WORKER")
        print(run(5))
    """
    assert _python(code, PARALLEL="2", CACHELEVEL="0") == "7.0"


# **************** memory that ends in the middle of a JIT ****************


def test_memory_that_ends_in_a_jit_then_a_clear_error_and_the_next_use_works(write_backend):
    limit = "        if size > 4096:\n            raise MemoryError('this device has 4096 B')\n"
    line = "        memory = ctypes.create_string_buffer(size + ALIGNMENT)\n"
    backends.register("SMALL", write_backend("small", (line, limit + line)))

    @TinyJit
    def grow(x: Tensor) -> Tensor:
        big = x.reshape(-1, 1).expand(-1, 64).contiguous()  # 64 times as long
        return (big * 2).sum(1).contiguous().realize()

    small = Tensor(np.ones(8, np.float32), device="SMALL").realize()
    large = Tensor(np.ones(64, np.float32), device="SMALL").realize()
    for _ in range(3):
        with pytest.raises(MemoryError, match="failed on SMALL"):
            grow(large)
    fresh = TinyJit(grow.fxn)
    for _ in range(4):
        assert fresh(small).tolist() == [128.0] * 8
    assert ones("SMALL") == [3.0, 5.0, 7.0]


def _python(code: str, **variables: str) -> str:
    """Run a script as a reader would; what it printed."""
    environ = {**os.environ, "PYTHONPATH": str(PROJECT_ROOT), **variables}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()

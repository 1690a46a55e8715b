"""The registry: backends outside tinygrad are found by name, handed down, reloaded."""

import os
import pickle
import sys

import pytest
from tinygrad import Device, Tensor

from labs import backends
from labs.backends import registry
from labs.errors import DeviceError

pytestmark = pytest.mark.usefixtures("unregister_after")


def test_register_when_given_a_file_then_the_device_computes(write_backend, ones):
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


def test_register_when_given_a_class_or_a_module_then_takes_its_place(write_backend, ones):
    backends.register("KIND", write_backend("kind"))
    module = sys.modules["ops_kind"]
    backends.unregister("KIND")
    backends.register("KIND", module)
    backends.unregister("KIND")
    backends.register("KIND", module.KindDevice)
    assert backends.registered()["KIND"] == "ops_kind" and ones("KIND") == [3.0, 5.0, 7.0]


def test_register_without_arguments_then_knows_the_courses_two_and_imports_nothing(python):
    code = """
        import sys
        from labs import backends
        backends.register()
        assert set(backends.registered()) == {"ELECTRICAL", "EDGE"}
        assert not {"tinygrad", "numpy", "unicorn"} & sys.modules.keys()
    """
    python(code)


def test_register_before_tinygrad_is_imported_then_dev_selects_the_backend(write_backend, python):
    file = write_backend("early")
    code = f"""
        from labs import backends
        backends.register("EARLY", {str(file)!r})
        from tinygrad import Tensor, Device
        assert Device.DEFAULT == "EARLY" and (Tensor([1, 2]) + 1).tolist() == [2, 3]
    """
    python(code, DEV="EARLY")


def test_a_child_process_that_registers_then_knows_what_its_parent_has(write_backend, python):
    backends.register("PARENT", write_backend("parent"))
    code = """
        from labs import toolchain, backends
        toolchain.activate()
        backends.register()
        from tinygrad import Tensor
        assert (Tensor([1, 2], device="PARENT") + 1).tolist() == [2, 3]
    """
    python(code)
    backends.unregister("PARENT")
    assert registry.HANDED_DOWN not in os.environ


def test_the_list_from_a_parent_when_it_is_nonsense_then_says_which_variable(monkeypatch):
    for text in ("[1]", "{", '{"CPU": ["x", ""]}'):
        monkeypatch.setenv(registry.HANDED_DOWN, text)
        with pytest.raises(DeviceError, match="unset COURSE_BACKENDS"):
            backends.register()


@pytest.mark.slow
def test_two_new_kernels_at_once_then_the_compile_workers_find_the_module(write_backend, python):
    file = write_backend("pooled")
    code = f"""
        from labs import toolchain, backends
        toolchain.activate()
        backends.register("POOLED", {str(file)!r})
        from tinygrad import Tensor
        a = Tensor([1.0, 2.0, 3.0, 4.0], device="POOLED").reshape(2, 2)
        print((a.sum(1).contiguous() * 3 + a.max()).tolist())
    """
    assert python(code, PARALLEL="2", CACHELEVEL="0") == "[13.0, 25.0]"


@pytest.mark.slow
def test_register_when_compile_workers_run_already_then_they_are_replaced(write_backend, python):
    """They have the search path of their start: what they can't import they wait for, for ever."""
    file = write_backend("late")
    code = f"""
        from tinygrad import Tensor
        from labs import backends
        two = lambda device: [(Tensor([k], device=device) + k).sum() for k in (1.0, 2.0)]
        Tensor.realize(*two("CPU"))  # starts the workers
        backends.register("LATE", {str(file)!r})
        made = two("LATE")
        Tensor.realize(*made)
        print([x.item() for x in made])
    """
    assert python(code, PARALLEL="2", CACHELEVEL="0") == "[2.0, 4.0]"


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


def test_the_courses_own_when_reloaded_or_unregistered_then_register_brings_it_back(ones):
    backends.register()
    assert ones("ELECTRICAL") == [3.0, 5.0, 7.0]
    backends.reload_backend("ELECTRICAL")
    assert ones("ELECTRICAL") == [3.0, 5.0, 7.0]
    backends.unregister("ELECTRICAL")
    with pytest.raises(DeviceError, match="was unregistered"):
        ones("ELECTRICAL")
    backends.register()
    assert ones("ELECTRICAL") == [3.0, 5.0, 7.0]


def test_reload_when_it_is_not_registered_then_says_what_is():
    backends.register()
    with pytest.raises(DeviceError, match="ELECTRICAL"):
        backends.reload_backend("NOBODY")


@pytest.mark.slow
def test_reload_then_the_compile_workers_render_with_the_new_source(write_backend, python):
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
    assert python(code, PARALLEL="2", CACHELEVEL="0") == "7.0"

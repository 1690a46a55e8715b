"""What can't be a backend is refused with its reason, before it is used."""

import sys

import pytest

from labs import backends
from labs.errors import DeviceError

pytestmark = pytest.mark.usefixtures("unregister_after")


@pytest.mark.parametrize("name", ["", "9", "a b", "a-b", "X:1", None, 3])
def test_register_when_the_name_cannot_be_one_then_says_what_can(name):
    with pytest.raises(DeviceError, match="beginning with a letter"):
        backends.register(name, "ops_x")


@pytest.mark.parametrize("name", ["cpu", "CUDA", "NULL", "disk"])
def test_register_when_tinygrad_has_that_device_then_refuses(name):
    with pytest.raises(DeviceError, match="tinygrad's own") as caught:
        backends.register(name, "ops_x")
    assert f"MY{name.upper()}" in caught.value.next_step


def test_register_when_the_name_has_another_module_then_keeps_the_first(write_backend, ones):
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
def test_register_when_a_part_is_missing_then_names_it(write_backend, changes, text, ones):
    with pytest.raises(DeviceError, match=text):
        backends.register("ODD", write_backend("odd", *changes))
    assert "ODD" not in backends.registered()
    sys.modules.pop("ops_odd", None)
    assert ones("CPU") == [3.0, 5.0, 7.0]


def test_register_when_the_class_is_in_a_notebook_then_refuses_with_the_way_that_works(python):
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
    first, second = python(code).splitlines()
    assert first == second and "%%writefile ops_mine.py" in first

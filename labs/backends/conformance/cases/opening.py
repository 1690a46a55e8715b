"""Group "open": the class is found, opens, and has the parts that tinygrad will ask for."""

from tinygrad import Device
from tinygrad.device import Allocator, Compiled, Compiler, Program
from tinygrad.renderer import Renderer

from labs.backends.conformance.case import REQUIRED_DTYPES, Cases, check
from labs.backends.conformance.subject import Subject

CASES = Cases("open")


@CASES.case("class")
def _class(s: Subject) -> None:
    found = Device.get_class(s.name)
    check(isinstance(found, type), f"{found!r} is not a class")
    check(issubclass(found, Compiled), f"{found.__name__} does not inherit from Compiled")


@CASES.case("device")
def _device(s: Subject) -> None:
    device = s.device
    check(device.device == s.name, f"device.device is {device.device!r}, expected {s.name!r}")
    check(Device[s.name.lower()] is device, "a name in lower case opens another device object")


@CASES.case("allocator")
def _allocator(s: Subject) -> None:
    found = s.device.allocator
    check(isinstance(found, Allocator), f"{type(found).__name__} is no tinygrad Allocator")
    check(found.dev is s.device, "allocator.dev is not the device: pass it to Allocator.__init__")


@CASES.case("allocator-methods")
def _methods(s: Subject) -> None:
    kind = type(s.device.allocator)
    missing = [n for n in ("_alloc", "_offset", "_copyout") if _inherits(kind, Allocator, n)]
    if _inherits(kind, Allocator, "_copyin") and not hasattr(kind, "_as_buffer"):
        missing.append("_copyin")
    check(not missing, f"{kind.__name__} does not implement {', '.join(missing)}")


@CASES.case("renderer")
def _renderer(s: Subject) -> None:
    found = s.device.renderer
    check(isinstance(found, Renderer), f"{type(found).__name__} is no tinygrad Renderer")
    check(
        found.target.device == s.name.split(":")[0],
        f"the renderer's target is {found.target.device!r}, expected {s.name!r}",
    )


@CASES.case("compiler")
def _compiler(s: Subject) -> None:
    found = s.device.compiler
    check(isinstance(found, Compiler), f"{type(found).__name__} is no tinygrad Compiler")


@CASES.case("dtypes")
def _dtypes(s: Subject) -> None:
    found = {_name(d) for d in s.device.renderer.supported_dtypes()}
    missing = sorted(REQUIRED_DTYPES - found)
    check(not missing, f"supported_dtypes() is without {', '.join(missing)}")


@CASES.case("program")
def _program(s: Subject) -> None:
    kind = s.device.runtime_t
    check(kind is not None, "Compiled.__init__ got no Program class")
    if isinstance(kind, type):
        check(issubclass(kind, Program), f"{kind.__name__} does not inherit from Program")
        check("__call__" in _defined(kind, Program), f"{kind.__name__} does not define __call__")


@CASES.case("synchronize")
def _synchronize(s: Subject) -> None:
    check(s.device.synchronize() is None, "synchronize() returns something, expected None")


@CASES.case("second-instance")
def _second(s: Subject) -> None:
    second = s.open_second()
    check(second is not s.device, f"{s.second} is the same object as {s.name}")
    check(second.device == s.second, f"device.device is {second.device!r}, expected {s.second!r}")
    check(second.allocator is not s.device.allocator, "both instances have one allocator")


def _inherits(kind: type, base: type, name: str) -> bool:
    return getattr(kind, name, None) is getattr(base, name, None)


def _defined(kind: type, base: type) -> set[str]:
    return {name for k in kind.__mro__ if k not in base.__mro__ for name in vars(k)}


def _name(dtype) -> str:
    return {"float": "float32", "int": "int32"}.get(dtype.name, dtype.name)

"""Whether a module can be a backend, told before it is used and not where tinygrad stumbles.

tinygrad finds a device by names and calls its parts by convention, so a slip shows far from where
it was made: as an IndexError for a misspelt class, at the first view for a missing method, and as
compile workers that hang for ever for a class that they can't import. Here it is named at once.
"""

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

from labs.errors import DeviceError

PREFIX = "tinygrad.runtime.ops_"
_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
# what tinygrad calls on an allocator of which it knows only the base class
_ALLOCATOR_METHODS = ("_alloc", "_copyin", "_copyout", "_offset")
_NOTEBOOK_WAY = (
    "begin the cell with `%%writefile ops_{name}.py`, run it, then register({upper!r}, "
    "'ops_{name}.py') in the next cell; in a script, move the class to a file of its own"
)


@cache
def tinygrads_own() -> frozenset[str]:
    """The device names in tinygrad's own package, read from its folder without importing it."""
    spec = importlib.util.find_spec("tinygrad")
    folders = spec.submodule_search_locations if spec else ()
    files = [file for f in folders for file in (Path(f) / "runtime").glob("ops_*.py")]
    return frozenset(file.stem.removeprefix("ops_").upper() for file in files)


def check_name(name: object) -> str:
    """The name in upper case.

    Raises:
        DeviceError: it can't name a device, or tinygrad has one of that name.
    """
    upper = name.upper() if isinstance(name, str) else ""
    if not _NAME.fullmatch(upper):
        raise DeviceError(
            f"Register a backend named {name!r}",
            expected="letters, digits and underscores, beginning with a letter",
            got=repr(name),
            next_step="choose such a name, as in register('MINE', 'ops_mine.py')",
        )
    if upper in tinygrads_own():
        raise DeviceError(
            f"Register a backend named {upper}",
            expected="a name that no device has",
            got=f"the name of tinygrad's own {upper}, which others go on using",
            next_step=f"choose another name, such as MY{upper}",
        )
    return upper


def module_name(name: str, module: object) -> tuple[str, str]:
    """The importable name of a backend's module, and the folder that has to be on sys.path.

    Args:
        module: a dotted name, the path of a .py file, a module, or the device's class.

    Raises:
        DeviceError: there is no such file, or it is a class of a notebook or script itself.
    """
    if isinstance(module, Path) or (isinstance(module, str) and module.endswith(".py")):
        return _of_file(name, Path(module))
    if inspect.ismodule(module):
        module = module.__name__
    elif inspect.isclass(module):
        module = module.__module__
    if not isinstance(module, str) or not module:
        raise DeviceError(
            f"Register the backend {name}",
            expected="the name of a module, or the path of a .py file",
            got=repr(module),
            next_step=f"register({name!r}, 'ops_{name.lower()}.py')",
        )
    if module == "__main__":
        raise in_main(name)
    return module, ""


def in_main(name: str) -> DeviceError:
    """The error for a class that lives in a notebook cell or in the script itself."""
    return DeviceError(
        f"Register the backend {name}",
        expected="a module that tinygrad's compile workers can import",
        got="a class of this notebook or script (__main__): the workers would look for it for ever",
        next_step=_NOTEBOOK_WAY.format(name=name.lower(), upper=name),
    )


def load(name: str, module: str) -> ModuleType:
    """Import a backend's module.

    Raises:
        DeviceError: it can't be imported; the message says in which line.
    """
    from labs.backends.opened import describe, where

    try:
        return importlib.import_module(module)
    except Exception as error:  # the module's own code runs here
        missing = isinstance(error, ModuleNotFoundError) and error.name in _parents(module)
        if isinstance(error, SyntaxError):
            got = f"{describe(error)} ({Path(error.filename or '').name}, line {error.lineno})"
        else:
            got = f"no module {error.name!r}" if missing else f"{describe(error)}{where(error)}"
        raise DeviceError(
            f"Import {module}, the backend {name}",
            expected="a module that imports",
            got=got,
            next_step="give the path of its .py file, or put its folder on sys.path"
            if missing
            else "correct that line and register again",
        ) from error


def check_module(name: str, module: ModuleType) -> None:
    """Look at the classes of a backend as tinygrad will.

    Raises:
        DeviceError: tinygrad would not find or could not use one of them; all findings are named.
    """
    device = _device_class(name, module)
    if device.__module__ == "__main__":
        raise in_main(name)
    found = [*_device_findings(device), *_part_findings(module)]
    if found:
        raise DeviceError(
            f"Register the backend {name} ({module.__name__})",
            expected="the parts that tinygrad calls, each with its methods",
            got="; ".join(found),
            next_step="write what is missing; labs/backends/template/ops_template.py shows each",
        )


def _of_file(name: str, path: Path) -> tuple[str, str]:
    path = path.expanduser().resolve()
    if not path.is_file():
        raise DeviceError(
            f"Register the backend {name}",
            expected="the path of a .py file",
            got=f"no file {path}",
            next_step="write it first: CustomBackendFramework().create_backend_from_template("
            f"{name!r}, folder)",
        )
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").exists():  # within a package it has one name, the long one
        parts.insert(0, folder.name)
        folder = folder.parent
    dotted = ".".join(parts)
    if not all(part.isidentifier() for part in parts):
        raise DeviceError(
            f"Register the backend {name}",
            expected="a file name that can be imported",
            got=path.name,
            next_step=f"rename it to ops_{name.lower()}.py",
        )
    known = sys.modules.get(dotted)
    other = getattr(known, "__file__", None)
    if known is not None and (other is None or Path(other).resolve() != path):
        raise DeviceError(
            f"Register the backend {name} from {path}",
            expected=f"a file whose name no other module has ({dotted})",
            got=f"{dotted} is imported already, from {other or 'elsewhere'}",
            next_step=f"rename your file, for example to ops_{name.lower()}_2.py",
        )
    return dotted, str(folder)


def _parents(module: str) -> set[str]:
    parts = module.split(".")
    return {".".join(parts[: n + 1]) for n in range(len(parts))}


def _device_class(name: str, module: ModuleType) -> type:
    wanted = f"{name.lower()}device"
    classes = inspect.getmembers(module, inspect.isclass)
    for class_name, cls in classes:
        if class_name.lower() == wanted:
            return cls
    near = [n for n, c in classes if n.endswith("Device") and not _is_tinygrads(c)]
    raise DeviceError(
        f"Register the backend {name} ({module.__name__})",
        expected=f"a class {name.capitalize()}Device, as tinygrad finds a device by that name",
        got=f"the class {', '.join(near)}" if near else "no class whose name ends with Device",
        next_step=f"rename it to {name.capitalize()}Device, or register it as "
        f"{near[0].removesuffix('Device').upper()}"
        if near
        else f"write the class {name.capitalize()}Device(Compiled)",
    )


def _device_findings(device: type) -> Iterator[str]:
    from tinygrad.device import Compiled

    if not issubclass(device, Compiled):
        yield f"{device.__name__} does not inherit from tinygrad.device.Compiled"
    elif not _accepts(device.__init__, "self", "NAME"):
        yield f"{device.__name__}.__init__ has to take one argument, the device's name"
    if "<locals>" in device.__qualname__:
        yield f"{device.__name__} is defined in a function: the compile workers can't import it"


def _part_findings(module: ModuleType) -> Iterator[str]:
    from tinygrad.device import Allocator, Compiler, LRUAllocator, Program
    from tinygrad.renderer import Renderer

    launch = {"global_size": (1, 1, 1), "local_size": (1, 1, 1), "vals": (), "wait": False}
    for cls in _leaves(module):
        name = cls.__name__
        if issubclass(cls, Allocator):
            for method in _ALLOCATOR_METHODS:
                if getattr(cls, method) in (
                    getattr(Allocator, method),
                    getattr(LRUAllocator, method),
                ):
                    yield f"{name} has no method {method}"
        elif issubclass(cls, Program):
            if not _accepts(cls.__init__, "self", "device", "TinyELF"):
                yield f"{name}.__init__ has to take (dev, obj)"
            if cls.__call__ is Program.__call__:
                yield f"{name} has no method __call__"
            elif not _accepts(cls.__call__, "self", "buffer", timeout=None, **launch):
                signature = "(*bufs, global_size, local_size, vals, wait, **kw)"
                yield f"{name}.__call__ has to take {signature}"
        elif issubclass(cls, Renderer):
            if not _accepts(cls.__init__, "self", "target"):
                yield f"{name}.__init__ has to take one argument, the target"
        elif issubclass(cls, Compiler) and not _accepts(cls.compile, "self", "source"):
            yield f"{name}.compile has to take one argument, the source"


def _leaves(module: ModuleType) -> list[type]:
    """The module's classes that are not tinygrad's and from which none of its others inherits."""
    classes = [c for _, c in inspect.getmembers(module, inspect.isclass) if not _is_tinygrads(c)]
    return [c for c in classes if not any(o is not c and issubclass(o, c) for o in classes)]


def _is_tinygrads(cls: type) -> bool:
    # a module registered as tinygrad.runtime.ops_x keeps its own name in __module__
    return cls.__module__.split(".")[0] == "tinygrad"


def _accepts(function: object, *arguments: object, **named: object) -> bool:
    try:
        inspect.signature(function).bind(*arguments, **named)
    except TypeError:
        return False
    except ValueError:  # a builtin without a signature
        return True
    return True

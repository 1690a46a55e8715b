"""Makes tinygrad find backends that live outside its own package.

tinygrad imports `tinygrad.runtime.ops_x` for the device X. A finder answers that name with an
ordinary module of ours, as one module object under two names, so that there is one copy of every
class: tinygrad's compile workers and pickled tensors need that. (Putting our folder on
`tinygrad.runtime.__path__` would make two copies, and the compile workers hang.)

A child process learns of the reader's own backends from the variable COURSE_BACKENDS, when it calls
`register()`. The seams are in `opened.py`, the checks in `validation.py`; nothing here imports
tinygrad.
"""

import importlib
import importlib.abc
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, ModuleType

from labs import toolchain
from labs.backends.validation import PREFIX, check_module, check_name, in_main, load, module_name
from labs.errors import DeviceError

# the course's own devices: name -> module
COURSE_BACKENDS = MappingProxyType(
    {
        "ELECTRICAL": "labs.backends.runtime.ops_electrical",
        "EDGE": "labs.backends.runtime.ops_edge",
    }
)
HANDED_DOWN = "COURSE_BACKENDS"  # {name: [module, folder for sys.path]} as JSON


class AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers `tinygrad.runtime.ops_x` with the module registered for X, imported when asked."""

    def __init__(self) -> None:
        self.modules: dict[str, str] = {}  # "tinygrad.runtime.ops_x" -> our module's name
        self.folders: dict[str, str] = {}  # the same -> the folder that its import needs
        self.added: set[str] = set()  # of those, what was not on sys.path before
        self.gone: set[str] = set()  # unregistered since
        self.changes: dict[str, int] = {}  # how often each was registered or reloaded

    def find_spec(self, fullname, path=None, target=None):
        if fullname in self.gone:
            raise _unregistered(fullname.removeprefix(PREFIX).upper())
        if fullname not in self.modules:
            return None
        return importlib.util.spec_from_loader(fullname, self)

    def create_module(self, spec):
        module = importlib.import_module(self.modules[spec.name])
        spec.loader_state = module.__spec__  # the import system is about to overwrite __spec__ ...
        return module

    def exec_module(self, module):
        # ... and without its own, importlib.reload(module) would silently do nothing
        module.__spec__ = module.__spec__.loader_state


_lock = threading.RLock()


def register(
    name: str | None = None,
    module: str | Path | ModuleType | type | None = None,
    *,
    check: bool = True,
) -> None:
    """Make a backend usable as `device="NAME"`; without arguments, the course's two.

    Works before or after `import tinygrad`. Registering the same pair twice changes nothing.
    Without arguments it is cheap and imports nothing; it also takes over what a parent process has
    registered. A backend of your own is imported and looked at, so that what is missing is said now
    and not at the first tensor.

    Args:
        name: the device's name, such as "MINE".
        module: what holds its class `MineDevice`: the path of a .py file, or the name of a module.
            tinygrad's compile workers import it by this name too, so it can't be a notebook cell.
        check: False leaves the module alone until the device is opened, as for the course's own.

    Raises:
        DeviceError: a name that can't be used, a module that can't be imported, a class or method
            that is missing, or a name that another module has.

    Example:
        >>> register("MINE", "ops_mine.py")
    """
    if name is None and module is None:
        for course_name, course_module in COURSE_BACKENDS.items():
            if PREFIX + course_name.lower() not in (_finder() or AliasFinder()).modules:
                _enter(course_name, course_module, "")
        _take_over()
        return
    if isinstance(module, str) and module == "__main__":
        raise in_main(check_name(name))
    name = check_name(name)
    dotted, folder = module_name(name, module)
    with _lock:
        _require_free(name, dotted)
        added = folder not in sys.path and folder != ""
        if added:
            sys.path.append(folder)
        importlib.invalidate_caches()  # the file may be a second old
        try:
            folder = (_checked(name, dotted) if check else "") or folder
        except DeviceError:
            if added:
                sys.path.remove(folder)
            raise
        if name not in registered():
            _enter(name, dotted, folder, added)
            _hand_down()
            if added:
                _end_workers()


def unregister(name: str) -> None:
    """Forget a backend: its name means nothing to tinygrad afterwards. Unknown names are ignored.

    Its memory is given back. A tensor that still lives on it raises a DeviceError when it is used.
    Other devices are not touched.
    """
    name = name.upper()
    with _lock:
        alias, finder = PREFIX + name.lower(), _finder()
        if finder is None or alias not in finder.modules:
            return
        forget_opened(name, "was unregistered")
        del finder.modules[alias]
        folder = finder.folders.pop(alias, "")
        if folder in finder.added and folder not in finder.folders.values():
            finder.added.remove(folder)
            with suppress(ValueError):
                sys.path.remove(folder)
        finder.gone.add(alias)
        _drop_alias(alias)
        _hand_down()


def reload_backend(name: str) -> None:
    """Use the edited source of a backend from now on, in this process and in the compile workers.

    Imports the module again, closes the opened device, and ends tinygrad's compile workers, which
    would go on rendering with the old code. Tensors made before raise when they are used.

    Raises:
        DeviceError: it isn't registered, or the new source has an error: then the old one stays.
    """
    name = name.upper()
    with _lock:
        alias, finder = PREFIX + name.lower(), _finder()
        if finder is None or alias not in finder.modules:
            raise DeviceError(
                f"Reload the backend {name}",
                expected=f"one of {', '.join(registered()) or 'none: nothing is registered'}",
                got="a name that is not registered",
                next_step=f"register({name!r}, 'ops_{name.lower()}.py')",
            )
        toolchain.activate()
        module = load(name, finder.modules[alias])
        _import_again(name, module)
        forget_opened(name, "was reloaded")
        _drop_alias(alias)
        finder.changes[alias] = finder.changes.get(alias, 0) + 1
    _end_workers()


def _end_workers() -> None:
    """tinygrad's compile workers keep the code and the search path of their start: those that run
    would wait for ever for a backend that came later. New ones are started when needed."""
    worker = sys.modules.get("tinygrad.engine.worker")
    if worker is not None:
        worker.terminate_worker_pool()


def registered() -> Mapping[str, str]:
    """Device name -> module, of every backend registered in this process."""
    finder = _finder()
    found = finder.modules if finder else {}
    return MappingProxyType({a.removeprefix(PREFIX).upper(): m for a, m in found.items()})


def edition(name: str) -> int:
    """A number that changes when the backend is registered anew or reloaded; 0: never."""
    finder = _finder()
    return finder.changes.get(PREFIX + name.lower(), 0) if finder else 0


def forget_opened(name: str, why: str = "was closed") -> None:
    """Close the opened device of that name, if any: the next use opens it again."""
    if "tinygrad.device" in sys.modules:
        from labs.backends.opened import forget

        forget(name.upper(), why)


def _enter(name: str, module: str, folder: str, added: bool = False) -> None:
    with _lock:
        alias = PREFIX + name.lower()
        finder = _finder() or AliasFinder()
        if finder not in sys.meta_path:
            sys.meta_path.insert(0, finder)
        finder.modules[alias] = module
        if folder:
            finder.folders[alias] = folder
        if added:
            finder.added.add(folder)
        finder.gone.discard(alias)
        finder.changes[alias] = finder.changes.get(alias, 0) + 1
        _drop_alias(alias)


def _checked(name: str, module: str) -> str:
    """Import and look at a module; the folder that its import needs, empty when it has no file."""
    toolchain.activate()  # before the module imports tinygrad
    loaded = load(name, module)
    check_module(name, loaded)
    return _import_folder(loaded)


def _require_free(name: str, module: str) -> None:
    other = {**COURSE_BACKENDS, **registered()}.get(name, module)
    if other != module:
        raise DeviceError(
            f"Register the backend {name} ({module})",
            expected="a name that no other backend has",
            got=f"{name} is {other}",
            next_step=f"unregister({name!r}) first, or choose another name"
            if name not in COURSE_BACKENDS
            else "choose another name: this one is the course's own",
        )


def _import_folder(module: ModuleType) -> str:
    """The folder from which a module is imported by its whole name; empty when it has no file."""
    file = getattr(module, "__file__", None)
    if not file:
        return ""
    path = Path(file).resolve()
    up = module.__name__.count(".") + (path.name == "__init__.py")
    return str(path.parents[up])


def _import_again(name: str, module: ModuleType) -> None:
    """importlib.reload that leaves the old module as it was when the new source has an error."""
    # a source edited twice in one second looks unchanged to Python's bytecode cache
    with suppress(NotImplementedError, OSError, TypeError):
        os.unlink(importlib.util.cache_from_source(module.__file__))
    importlib.invalidate_caches()
    before = dict(vars(module))
    for key in [
        k for k, v in before.items() if isinstance(v, type) and v.__module__ == module.__name__
    ]:
        del vars(module)[key]  # a class that the new source no longer has is gone
    try:
        importlib.reload(module)
        check_module(name, module)
    except Exception as error:
        vars(module).clear()
        vars(module).update(before)
        if isinstance(error, DeviceError):
            raise
        from labs.backends.opened import describe, where

        raise DeviceError(
            f"Reload the backend {name} ({module.__name__})",
            expected="a module that imports",
            got=f"{describe(error)}{where(error)}",
            next_step="correct it and reload again; until then the old source is in use",
        ) from error


def _drop_alias(alias: str) -> None:
    sys.modules.pop(alias, None)
    runtime = sys.modules.get("tinygrad.runtime")
    short = alias.rpartition(".")[2]
    if runtime is not None and hasattr(runtime, short):
        delattr(runtime, short)


def _hand_down() -> None:
    """Tell child processes what the reader has registered beyond the course's own."""
    finder = _finder()
    own = {
        name: [module, finder.folders.get(PREFIX + name.lower(), "")]
        for name, module in registered().items()
        if name not in COURSE_BACKENDS
    }
    if own:
        os.environ[HANDED_DOWN] = json.dumps(own)
    else:
        os.environ.pop(HANDED_DOWN, None)


def _take_over() -> None:
    """Register what the parent process has; a module that can't be imported is said on opening."""
    try:
        handed = json.loads(os.environ.get(HANDED_DOWN, "{}"))
        entries = [(check_name(n), str(m), str(f)) for n, (m, f) in handed.items()]
    except (ValueError, TypeError, AttributeError, DeviceError) as error:
        raise DeviceError(
            f"Take over the backends named in {HANDED_DOWN}",
            expected='JSON such as {"MINE": ["ops_mine", "/folder/of/ops_mine"]}',
            got=f"{os.environ.get(HANDED_DOWN)!r} ({error})",
            next_step=f"unset {HANDED_DOWN}, and register the backend",
        ) from error
    for name, module, folder in entries:
        if name not in registered():
            added = folder != "" and folder not in sys.path
            if added:
                sys.path.append(folder)
            _enter(name, module, folder, added)


def _unregistered(name: str) -> DeviceError:
    return DeviceError(
        f"Use the device {name}",
        expected="a device that is registered",
        got=f"{name}, which was unregistered",
        next_step=f"register({name!r}, ...) again",
    )


def _finder() -> AliasFinder | None:
    return next((f for f in sys.meta_path if isinstance(f, AliasFinder)), None)

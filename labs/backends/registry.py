"""Makes tinygrad find backends that live outside its own package.

tinygrad imports `tinygrad.runtime.ops_x` for the device X. A finder answers that name with an
ordinary module of ours, as one module object under two names, so that there is one copy of every
class: tinygrad's compile workers and pickled tensors need that. (Putting our folder on
`tinygrad.runtime.__path__` would make two copies, and the compile workers hang.)
Unofficial seams of tinygrad 0.14.0: Device.get_class, Device._Device__get_canonicalized_item and
device.ALL_DEVICES.
"""

import importlib
import importlib.abc
import importlib.util
import sys
import threading
from collections.abc import Mapping
from types import MappingProxyType

PREFIX = "tinygrad.runtime.ops_"
# the course's own devices: name -> module
COURSE_BACKENDS = MappingProxyType(
    {
        "ELECTRICAL": "labs.backends.runtime.ops_electrical",
        "EDGE": "labs.backends.runtime.ops_edge",
    }
)


class AliasFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Answers `tinygrad.runtime.ops_x` with the module registered for X, imported when asked for."""

    def __init__(self) -> None:
        self.modules: dict[str, str] = {}  # "tinygrad.runtime.ops_x" -> our module's name

    def find_spec(self, fullname, path=None, target=None):
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


def register(name: str | None = None, module: str | None = None) -> None:
    """Make a backend usable as `device="NAME"`; without arguments, the course's two.

    Registering the same pair twice changes nothing. The module is imported when the device is
    first opened, so this is cheap, and works before or after `import tinygrad`.

    Args:
        name: the device's name, such as "MINE".
        module: the importable module that holds its class `MineDevice`. tinygrad's compile workers
            import it by this name too, so it can't be `__main__`.
    """
    wanted = {name.upper(): module} if name and module else dict(COURSE_BACKENDS)
    with _lock:
        finder = _finder() or AliasFinder()
        if finder not in sys.meta_path:
            sys.meta_path.insert(0, finder)
        finder.modules |= {PREFIX + n.lower(): m for n, m in wanted.items()}


def unregister(name: str) -> None:
    """Forget a backend: its name means nothing to tinygrad afterwards. Unknown names are ignored.

    Tensors that live on the device keep it alive, and go on working; new ones can't be made.
    """
    with _lock:
        alias, finder = PREFIX + name.lower(), _finder()
        if finder is not None:
            finder.modules.pop(alias, None)
            if not finder.modules:
                sys.meta_path.remove(finder)
        sys.modules.pop(alias, None)
        runtime = sys.modules.get("tinygrad.runtime")
        if runtime is not None and hasattr(runtime, f"ops_{name.lower()}"):
            delattr(runtime, f"ops_{name.lower()}")
        forget_opened_devices()


def registered() -> Mapping[str, str]:
    """Device name -> module, of every backend registered in this process."""
    finder = _finder()
    found = finder.modules if finder else {}
    return MappingProxyType({a.removeprefix(PREFIX).upper(): m for a, m in found.items()})


def forget_opened_devices() -> None:
    """Drop tinygrad's two caches of devices, so that the next use imports and opens again."""
    device = sys.modules.get("tinygrad.device")
    if device is not None:
        kind = type(device.Device)
        kind.get_class.cache_clear()
        kind._Device__get_canonicalized_item.cache_clear()


def _finder() -> AliasFinder | None:
    return next((f for f in sys.meta_path if isinstance(f, AliasFinder)), None)

"""What can still be changed when tinygrad was imported before `toolchain.activate()`.

tinygrad reads its settings at import and keeps plain variables at first use. Both can be put right
afterwards, except a driver library that is loaded already and a kernel cache that is open.
Unofficial seams of tinygrad 0.14.0: helpers.getenv is a functools.cache, helpers.DEV has a value,
helpers.CACHEDB is read when helpers._db_connection is first made.
"""

import sys
from collections.abc import Mapping


def apply(variables: Mapping[str, str]) -> list[str]:
    """Make an imported tinygrad take `variables`; returns what is too late to change."""
    helpers = sys.modules.get("tinygrad.helpers")
    if helpers is None:
        return []
    notes = []
    helpers.getenv.cache_clear()  # CC and the *_PATH variables are kept at first use
    if "DEV" in variables and not helpers.DEV.device:
        helpers.DEV.value = variables["DEV"]
    if "CACHEDB" in variables:
        if helpers._db_connection is None:
            helpers.CACHEDB = variables["CACHEDB"]
        elif variables["CACHEDB"] != helpers.CACHEDB:
            notes.append(
                "tinygrad was in use before the toolchain was activated: it goes on with the kernel"
                f" cache {helpers.CACHEDB}, which may hold kernels of another compiler."
                " Restart and call labs.toolchain.activate() before importing tinygrad"
            )
    for module, variable in (("opencl", "OPENCL_PATH"), ("webgpu", "WEBGPU_PATH")):
        loaded = sys.modules.get(f"tinygrad.runtime.autogen.{module}")
        if loaded is None or variable not in variables:
            continue
        if getattr(loaded.dll, "_name", None) != variables[variable]:
            notes.append(
                f"tinygrad looked for its {module} library before the toolchain was activated,"
                f" so {variable} comes too late. Restart to use it"
            )
    return notes

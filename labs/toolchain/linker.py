"""A linker for PoCL where the machine has none: zig's, under the name `ld`.

PoCL turns every kernel into a shared library by running `ld` with -lgcc, -lgcc_s and -lc (seen with
strace). A machine without a C compiler has neither that program nor those files, and PoCL then
aborts the whole process ("Final linking of kernel ... failed"). Kernels don't need the libraries.
"""

import shlex
import shutil
from pathlib import Path

from labs.toolchain.compiler import zig_shim
from labs.toolchain.files import toolchain_dir, write_if_different

# where Linux distributions keep what -lgcc and -lc name
LIBGCC = ("usr/lib/gcc/*/*/libgcc.a", "usr/lib64/gcc/*/*/libgcc.a")
LIBC = ("usr/lib/*/libc.so", "usr/lib64/libc.so", "usr/lib/libc.so")

_SCRIPT = """#!/bin/sh
for argument; do
  shift
  case "$argument" in
    -lc|-lgcc|-lgcc_s|--as-needed|--no-as-needed) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec {zig} ld.lld "$@"
"""


def can_link(root: Path = Path("/")) -> bool:
    """Whether this machine links a kernel the way PoCL asks for."""
    found = [any(next(root.glob(p), None) for p in patterns) for patterns in (LIBGCC, LIBC)]
    return bool(shutil.which("ld")) and all(found)


def linker_folder() -> str:
    """A folder whose `ld` links PoCL's kernels with zig; empty where there is no zig.

    Raises:
        OSError: the folder can't be written.
    """
    found = zig_shim()
    if found is None:
        return ""
    folder = toolchain_dir() / "linker"
    folder.mkdir(exist_ok=True)
    script = _SCRIPT.format(zig=shlex.quote(str(found[1])))
    write_if_different(folder / "ld", script.encode(), executable=True)
    return str(folder.absolute())

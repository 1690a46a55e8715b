"""The groups of the suite, in the order in which a new backend comes to pass them.

A case's group is the first part of its name. Each group says what to write when it fails, so that
the first failing group of a half-written backend is the next thing to do. Standard library only.
"""

from collections.abc import Mapping
from types import MappingProxyType

# group -> what to write, or to look at, when it is the first that fails
GROUPS: Mapping[str, str] = MappingProxyType(
    {
        "open": "write class XDevice(Compiled) in ops_x.py; its __init__ hands the name, the "
        "allocator, [XRenderer] and XProgram to Compiled.__init__, and works for 'X:1' as well",
        "allocator": "write XAllocator._alloc and _free: aligned, apart from all other live "
        "buffers, given back when freed; raise MemoryError when there is no more",
        "copy": "write XAllocator._copyin and _copyout (or _as_buffer): every byte of every size",
        "views": "write XAllocator._offset(buffer, size, offset): offset and size are in bytes",
        "compiler": "write XCompiler.compile(source) -> bytes, raising CompileError for what does "
        "not compile; all options belong in its cachekey; XRenderer in an importable module",
        "launch": "write XProgram.__init__ (load obj.lib) and __call__ (run it over global_size "
        "with the buffers, then vals; return seconds when wait is set)",
        "synchronize": "write XDevice.synchronize so that it returns when all launches are done, "
        "and call it before _copyin, _copyout and _free touch memory",
        "unary": "look at XRenderer.code_for_op and the compiler's options: one input, one output",
        "binary": "look at XRenderer.code_for_op: two and three inputs in floating point",
        "integer": "look at XRenderer.type_map and code_for_op: width, sign, wrapping, division",
        "bitwise": "look at XRenderer.code_for_op: AND, OR, XOR, SHL, SHR of each width and sign",
        "compare": "look at XRenderer.code_for_op: CMPLT, CMPNE, CMPEQ, WHERE, unsigned and NaN",
        "cast": "look at XRenderer.render_cast and extra_matcher: rounding, truncation, sign, bool",
        "transcendental": "look at code_for_op: leave out EXP2, LOG2 and SIN to get tinygrad's "
        "own decomposition, or make your own versions more accurate",
        "special": "look at the compiler's options (-ffast-math?) and flush-to-zero: NaN, "
        "infinities, signed zeros and denormal numbers have to survive",
        "shapes": "look at loops, gates and vector loads: empty, scalar, odd and large shapes, "
        "strides, flips, broadcasts and padding",
        "reduce": "look at accumulators and RANGE/END: sums, products, extremes over any axis",
        "matmul": "look at unrolled accumulators and vector types: products of matrices",
        "conv": "look at gated loads and nested loops: convolutions and pooling",
        "indexing": "look at loads whose index is itself loaded, and at int32/int64 indices",
        "scan": "look at kernels with many small loops: cumulative sums, sorting",
        "random": "look at uint32 and uint64 arithmetic and shifts: random bits are the same on "
        "every device",
        "jit": "look at the graph runner (or graph=None), at buffers kept from an earlier call, "
        "and at _offset for planned memory",
        "symbolic": "pass `vals` to the kernel after the buffers, and compute launch dimensions "
        "anew for each call",
        "instances": "keep memory, queues and programs in the device object, not in its class: "
        "'X' and 'X:1' are two devices",
        "threads": "guard the allocator's and the program's shared state: several threads launch",
        "pickle": "keep all options in the renderer's target (arch): only that is pickled",
        "backward": "look at the failures in reduce and indexing first: gradients are kernels too",
        "errors": "let a failure raise, name what was asked, and leave the device usable",
        # not the suite's own: only with --tinygrad-tests
        "tinygrad": "run one of them by itself: DEV=X pytest -p "
        "labs.backends.conformance.pytest_plugin FILE::TEST",
    }
)

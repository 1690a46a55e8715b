"""Writes the kernels of a stream as one C function: a whole block is one call.

tinygrad renders each kernel to a program of its own, started by its own call from Python. Here they
become functions of one file, and a first function runs them, window by window, on the ring. What
the stream fixes is written into the code: channels, window, hop, the ring's size. What moves comes
in a table of numbers: where the next window ends, how many there are, where results go.
"""

import re
from dataclasses import dataclass

from tinygrad import Device
from tinygrad.codegen import to_program
from tinygrad.device import Compiler
from tinygrad.helpers import Target
from tinygrad.uop.ops import UOp

from labs.backends.runtime.ops_electrical import ElectricalRenderer
from labs.electrical.stream.ring import Layout

_KERNEL = re.compile(r"^static __attribute__\(\(noinline\)\) void (\w+)\(.*?\)(?= \{$)", re.M)
_TYPEDEF = re.compile(r"^typedef .*;$", re.M)
ENTRY = "stream_block"


@dataclass(frozen=True)
class Argument:
    """A kernel's pointer: the window in the ring, or an entry of the table.

    `step_bytes` is how much further it is for the next window (results), 0 for what stays;
    `offset_bytes` where in it the kernel begins.
    """

    slot: int | None  # of the table; None: the window
    step_bytes: int = 0
    offset_bytes: int = 0


@dataclass(frozen=True)
class Call:
    """One kernel of a group: its program, and what its pointers are."""

    program: UOp
    arguments: tuple[Argument, ...]


@dataclass(frozen=True)
class Group:
    """Kernels that run for each window of `window` samples, `hop` apart.

    `last` and `count` are slots of the table: where the first window's last sample lies in the
    ring (its index modulo the capacity), and how many windows there are.
    """

    window: int
    hop: int
    last: int
    count: int
    calls: tuple[Call, ...]


class _SourceOnly(Compiler):
    """A kernel alone isn't compiled: its text becomes a part of the whole."""

    def __init__(self) -> None:
        super().__init__(None)

    def compile(self, src: str) -> bytes:
        return src.encode()


class SignalProcessingRenderer(ElectricalRenderer):
    """ELECTRICAL's renderer for kernels that run on one core, inside a block's function.

    Example:
        renderer = SignalProcessingRenderer.of("ELECTRICAL")
        program = renderer.program(ast)
        source = renderer.block(groups, layout)
    """

    kernel_typedef = "static __attribute__((noinline)) void"
    has_threads = False
    global_max = (1, 0, 0)

    def __init__(self, target: Target) -> None:
        super().__init__(target)
        self.compiler = _SourceOnly()

    @classmethod
    def of(cls, device: str) -> "SignalProcessingRenderer":
        """For the processor that a device's own renderer writes for."""
        return cls(Device[device].renderer.target)

    def program(self, ast: UOp) -> UOp:
        """A scheduled kernel as a tinygrad PROGRAM; its SOURCE is ours."""
        return to_program(ast, self)

    def render_kernel(self, function_name, kernel, bufs, uops, prefix=None) -> str:
        text = super().render_kernel(function_name, kernel, bufs, uops, prefix)
        # results of one window stay in a cache, for the next kernel: no stores past the caches
        return text.replace(", const int stream)", ")")

    def _render_entry(self, function_name: str, bufs) -> str:
        return ""

    def block(self, groups: tuple[Group, ...], layout: Layout) -> str:
        """The C file: `stream_block(table)` runs every group's windows; table[0] is the ring."""
        typedefs: dict[str, None] = {}
        macros: dict[str, None] = {}
        functions: dict[str, str] = {}  # text -> name: equal kernels are written once
        bodies, prototypes, loops = [], [], []
        for number, group in enumerate(groups):
            lines = []
            for call in group.calls:
                text = call.program.src[2].arg
                if text not in functions:
                    name = f"{_KERNEL.search(text).group(1)}_{len(functions)}"
                    functions[text] = name
                    typedefs |= dict.fromkeys(_TYPEDEF.findall(text))
                    if "STREAM(" in text:
                        macros["#define STREAM(type, place, value) *(type *)(place) = (value)"] = (
                            None
                        )
                    head = _KERNEL.search(text)
                    signature = head.group(0).replace(f" {head.group(1)}(", f" {name}(")
                    prototypes.append(f"{signature};")
                    body = text[head.end() : text.rindex("}") + 1]
                    bodies.append(f"{signature}{body}")
                pointers = ", ".join(map(_pointer, call.arguments))
                lines.append(f"      {functions[text]}({pointers});")
            loops.append(_loop(number, group, layout, lines))
        head = [*macros, *typedefs, "typedef unsigned long long u64;", *prototypes]
        entry = ["", f"void {ENTRY}(const u64 *t) {{", *loops, "}", ""]
        return "\n".join([*head, *entry, *bodies, ""])


def _pointer(argument: Argument) -> str:
    base = "x" if argument.slot is None else f"t[{argument.slot}]"
    moved = f" + w * {argument.step_bytes}" if argument.step_bytes else ""
    offset = f" + {argument.offset_bytes}" if argument.offset_bytes else ""
    return f"(void *)({base}{moved}{offset})"


def _loop(number: int, group: Group, layout: Layout, lines: list[str]) -> str:
    first = layout.history + 1 - group.window
    return "\n".join(
        [
            f"  {{ /* group {number}: windows of {group.window} samples, {group.hop} apart */",
            f"    u64 last = t[{group.last}];",
            f"    for (u64 w = 0; w < t[{group.count}]; w++) {{",
            f"      const u64 x = t[0] + ({first} + last) * {layout.itemsize};",
            *lines,
            f"      last = (last + {group.hop}) % {layout.capacity};",
            "    }",
            "  }",
        ]
    )

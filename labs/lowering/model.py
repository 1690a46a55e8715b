"""What lowering one expression yields: graph, schedule and kernels, as plain frozen data.

Filled by `labs.lowering.lower`; read by the charts (UOp graph), the widgets and the notebooks.
Nothing here imports tinygrad, and nothing holds on to a tensor or a buffer.
"""

from dataclasses import dataclass, field
from html import escape

from labs import units
from labs.tables import Table, TableView

STAGES = (
    "UOp graph",
    "schedule",
    "kernel AST",
    "optimised AST",
    "source",
    "binary",
    "disassembly",
)


_SHOWN_LINES = 40  # a notebook page; the rest folds away
_PRE = "overflow-x:auto;margin:2px 0;line-height:1.3"


@dataclass(frozen=True)
class Node:
    """One UOp of the tensor's graph.

    Args:
        id: position in topological order, so every source has a smaller id.
        op: the operation's name ("ADD", "REDUCE", "COPY").
        dtype: "float", "uint", "weakfloat" (a Python constant that has no width yet).
        shape: dimensions as text where symbolic; None where the UOp has no shape.
        device: where its value would live; None for constants.
        arg: the operation's argument as short text (axes, target shape, constant value).
        realized: the value already sits in an allocated buffer.
    """

    id: int
    op: str
    dtype: str
    shape: tuple[int | str, ...] | None
    device: str | None
    arg: str
    realized: bool = False

    @property
    def label(self) -> str:
        """Two or three short lines for a drawing."""
        shape = "" if self.shape is None else "x".join(str(s) for s in self.shape) or "scalar"
        lines = (f"{self.op} {self.arg}".strip(), f"{self.dtype} {shape}".strip())
        return "\n".join(line for line in lines if line)


@dataclass(frozen=True, repr=False)
class Graph(TableView):
    """The UOp graph before scheduling: nodes in topological order, edges from source to user.

    The shape arguments of reshape, expand and the like are graph nodes in tinygrad too; here they
    are folded into `Node.arg`, because they hold no data.
    """

    nodes: tuple[Node, ...]
    edges: tuple[tuple[int, int], ...]

    def table(self) -> Table:
        sources: dict[int, list[int]] = {node.id: [] for node in self.nodes}
        for source, user in self.edges:
            sources[user].append(source)
        rows = tuple(
            (n.id, n.op, n.dtype, _shape_text(n.shape), n.device, n.arg, _ids(sources[n.id]))
            for n in self.nodes
        )
        columns = ("id", "operation", "dtype", "shape", "device", "argument", "sources")
        return Table(f"UOp graph, {len(rows)} nodes", columns, rows)


@dataclass(frozen=True)
class BufferUse:
    """One buffer that a schedule item reads or writes.

    Args:
        name: "b0", "b1"...: the same name is the same storage within one lowering. A part of a
            shared block, as the memory planner makes them, is "b3[256:1280]" (bytes).
        role: "out", "in" or "in/out".
        size_bytes: bytes of the part that is used.
    """

    name: str
    role: str
    device: str
    dtype: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.name} {self.role} {self.dtype} {units.format_bytes(self.size_bytes)}"


@dataclass(frozen=True)
class ScheduleItem:
    """One step of the schedule.

    Args:
        kind: "kernel", "copy" (between devices) or tinygrad's name of anything else.
        kernel: index into `Lowering.kernels` when kind is "kernel", else None.
    """

    index: int
    kind: str
    name: str
    device: str
    buffers: tuple[BufferUse, ...]
    kernel: int | None = None


@dataclass(frozen=True)
class Kernel:
    """One kernel in all its forms for one target.

    Args:
        name: the function's name in the source, without colour codes.
        ast, optimised_ast: text lines, before and after the optimiser chose its options.
        applied_opts: those options in words.
        binary_bytes: size of what the compiler produced; None with `binary_reason`.
        binary_note: what the binary is and who made it.
        disassembly: text, or None with `disassembly_reason`.
        flop: arithmetic operations as tinygrad counts them in the code; None with
            `estimate_reason`. Work behind an `if` counts for every work item, so a reduction that
            a group shares counts more than it needs; a loop written out counts a little less.
        bytes_accessed: bytes of all loads and stores, repeated ones included.
        min_bytes: bytes when each byte of each buffer moves once.
        global_size: work groups (threads on a CPU); local_size: work items in a group, None where
            the runtime chooses it by timing at the first launch.
    """

    name: str
    device: str
    target: str
    language: str
    ast: tuple[str, ...] = field(repr=False)
    optimised_ast: tuple[str, ...] = field(repr=False)
    applied_opts: tuple[str, ...]
    source: str = field(repr=False)
    binary_bytes: int | None
    binary_reason: str
    binary_note: str
    disassembly: str | None = field(repr=False)
    disassembly_reason: str
    flop: int | None
    bytes_accessed: int | None
    min_bytes: int | None
    estimate_reason: str
    global_size: tuple[int, ...]
    local_size: tuple[int, ...] | None

    def estimates(self) -> Table:
        """What the kernel costs, counted from its code."""
        rows = (
            ("arithmetic operations", units.format_flop(self.flop, 6)),
            ("bytes of all loads and stores", units.format_bytes(self.bytes_accessed, 6)),
            ("bytes when each moves once", units.format_bytes(self.min_bytes, 6)),
            ("operations per byte, at best", units.format_intensity(self.flop_per_byte)),
            ("launch", self.launch),
        )
        return Table(f"Estimates of {self.name}", ("quantity", "value"), rows, self.estimate_reason)

    def _repr_html_(self) -> str:
        return self.estimates()._repr_html_()

    @property
    def launch(self) -> str:
        """How many threads or work items the launch starts."""
        if self.device.split(":")[0] == "CPU":
            return f"{self.global_size[0]} thread{'s' if self.global_size[0] > 1 else ''}"
        groups = "x".join(str(s) for s in self.global_size)
        if self.local_size is None:
            return f"{groups} items"
        return f"{groups} groups of {'x'.join(str(s) for s in self.local_size)}"

    @property
    def flop_per_byte(self) -> float | None:
        """Arithmetic intensity at best, when every byte moves once."""
        return self.flop / self.min_bytes if self.flop is not None and self.min_bytes else None


@dataclass(frozen=True)
class Stage:
    """One stage as text, with what there is to say about it (a reason when the text is empty).

    Args:
        table: the same as rows, for the stages that are lists.
    """

    title: str
    text: str
    note: str = ""
    table: Table | None = None

    def __str__(self) -> str:
        return "\n".join(part for part in (f"{self.title}: {self.note}", self.text) if part)

    def _repr_html_(self) -> str:
        heading = f"<p><b>{escape(self.title)}</b> {escape(self.note)}</p>"
        if self.table is not None:
            return heading + self.table._repr_html_()
        lines = self.text.splitlines()
        shown, rest = lines[:_SHOWN_LINES], lines[_SHOWN_LINES:]
        html = heading + _code(shown)
        if rest:
            html += f"<details><summary>{len(rest)} more lines</summary>{_code(rest)}</details>"
        return html


@dataclass(frozen=True, repr=False)
class Lowering(TableView):
    """One expression lowered for one target. Nothing was run.

    Args:
        target: name of the target; label: the same for people.
        notes: what a reader must know to compare this with a real run.
    """

    target: str
    label: str
    uop_graph: Graph = field(repr=False)
    schedule: tuple[ScheduleItem, ...]
    kernels: tuple[Kernel, ...]
    notes: tuple[str, ...] = ()

    def stage(self, name: str, kernel: int | None = None) -> Stage:
        """The text of one of STAGES; kernel chooses one (all of them when left out)."""
        from labs.lowering.stages import stage_of  # it needs these classes

        return stage_of(self, name, kernel)

    def table(self) -> Table:
        """The schedule, one row per step, with what each kernel costs."""
        rows = []
        for item in self.schedule:
            kernel = None if item.kernel is None else self.kernels[item.kernel]
            cost = (
                (None, None, None, None)
                if kernel is None
                else (
                    units.format_count(kernel.flop),
                    units.format_bytes(kernel.min_bytes),
                    kernel.launch,
                    units.format_bytes(kernel.binary_bytes),
                )
            )
            uses = "\n".join(str(use) for use in item.buffers)
            rows.append((item.index, item.kind, item.name, item.device, uses, *cost))
        columns = ("step", "kind", "name", "device", "buffers", "FLOP", "least memory traffic")
        columns += ("launch", "binary")
        note = " ".join(("Nothing was run; FLOP and bytes are counted from the code.", *self.notes))
        return Table(f"Lowered for {self.label}", columns, tuple(rows), note)


def _code(lines: list[str]) -> str:
    # focusable, so that a long line can be scrolled with the keyboard
    text = escape("\n".join(lines))
    return f"<pre tabindex='0' style='{_PRE}'>{text}</pre>" if lines else ""


def _shape_text(shape: tuple[int | str, ...] | None) -> str | None:
    return None if shape is None else f"({', '.join(str(s) for s in shape)})"


def _ids(ids: list[int]) -> str:
    return " ".join(str(i) for i in ids)

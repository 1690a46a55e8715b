"""The compilation system as a whole: one expression, every target, compared in tables."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from labs import toolchain, units
from labs.errors import LoweringError
from labs.tables import Table

toolchain.activate()

from tinygrad import Tensor

from labs.lowering.lower import lower
from labs.lowering.model import STAGES, Kernel, Lowering
from labs.lowering.scheduling import tensor_of
from labs.lowering.targets import TARGETS, Target, find_target

_MAKERS = {
    "UOp graph": "Tensor's methods (tinygrad.tensor, tinygrad.mixin)",
    "schedule": "the scheduler (tinygrad.schedule)",
    "kernel AST": "the scheduler, one per kernel",
    "optimised AST": "the optimiser (tinygrad.codegen.opt)",
    "source": "the renderer (tinygrad.renderer)",
    "binary": "the compiler",
    "disassembly": "a disassembler, for people only",
}


@dataclass(frozen=True)
class Exploration:
    """One expression lowered for several targets.

    Args:
        lowerings: by target name, in the order asked for.
        failures: target name -> why it can't express this expression.
    """

    lowerings: Mapping[str, Lowering]
    failures: Mapping[str, str]

    def pipeline(self, target: str | None = None) -> Table:
        """The stages of one target: who makes each, and how large it is here."""
        lowering = self._of(target)
        rows = tuple((i + 1, s, _MAKERS[s], _size(lowering, s)) for i, s in enumerate(STAGES))
        rows += ((len(STAGES) + 1, "execution", "the device's Program", "not run here"),)
        columns = ("step", "stage", "made by", "in this case")
        return Table(f"From expression to {lowering.label}", columns, rows)

    def targets(self) -> Table:
        """Language, compiler and features of each target."""
        found = [_target(name) for name in self.lowerings]
        rows = tuple((t.name, t.language, t.compiler, "\n".join(t.features), t.spec) for t in found)
        columns = ("target", "language", "compiled by", "features", "DEV on hardware")
        return Table("Targets", columns, rows)

    def kernels(self) -> Table:
        """What each target made of the expression's most expensive kernel."""
        rows = tuple(_kernel_row(name, low) for name, low in self.lowerings.items())
        rows += tuple((name, why, *[None] * 6) for name, why in self.failures.items())
        columns = ("target", "optimiser's choices", "kernels", "source lines", "FLOP")
        columns += ("loads and stores", "launch", "binary")
        note = "The kernel with the most operations; nothing was run."
        return Table("The same expression on every target", columns, rows, note)

    def _of(self, target: str | None) -> Lowering:
        name = next(iter(self.lowerings), None) if target is None else target
        if name is None or name not in self.lowerings:
            expected = f"one of {', '.join(self.lowerings) or 'none'}"
            got = self.failures.get(name or "", repr(name))
            raise LoweringError("Show a target's pipeline", expected=expected, got=got)
        return self.lowerings[name]

    def _repr_html_(self) -> str:
        tables = [self.pipeline()] if self.lowerings else []
        return "".join(t._repr_html_() for t in (*tables, self.targets(), self.kernels()))


def explore_compilation_system(
    expression: Tensor | Callable[[], Tensor] | None = None,
    targets: Sequence[str] | None = None,
) -> Exploration:
    """Lower one expression for several targets.

    Args:
        expression: as for `lower`; the syllabus's x * 2 + 1 when left out.
        targets: names in TARGETS or devices; all of TARGETS when left out.

    Raises:
        LoweringError: nothing to lower, or an unknown target. A target that can't express this
            expression is a row in the table, not an error.
    """
    tensor = tensor_of(_syllabus_example if expression is None else expression)
    names = tuple(TARGETS) if targets is None else tuple(targets)
    wanted = [(name, find_target(name)) for name in names]
    lowerings: dict[str, Lowering] = {}
    failures: dict[str, str] = {}
    for name, _ in wanted:
        try:
            lowerings[name] = lower(tensor, name)
        except LoweringError as e:
            failures[name] = e.got or str(e)
    return Exploration(MappingProxyType(lowerings), MappingProxyType(failures))


def _syllabus_example() -> Tensor:
    return Tensor.empty(1024, 1024) * 2 + 1


def _target(name: str) -> Target:
    return TARGETS.get(name) or find_target(name)


def _main_kernel(lowering: Lowering) -> Kernel | None:
    return max(lowering.kernels, key=lambda k: (k.flop or 0, k.min_bytes or 0), default=None)


def _size(lowering: Lowering, stage: str) -> str:
    if stage == "UOp graph":
        return f"{len(lowering.uop_graph.nodes)} nodes"
    if stage == "schedule":
        copies = len(lowering.schedule) - len(lowering.kernels)
        return f"{_count(len(lowering.kernels), 'kernel')}, {_count(copies, 'other step')}"
    shown = lowering.stage(stage)
    if not shown.text:
        return shown.note
    if stage == "binary":
        total = sum(k.binary_bytes or 0 for k in lowering.kernels)
        return f"{units.format_bytes(total)} in {_count(len(lowering.kernels), 'kernel')}"
    return f"{len(shown.text.splitlines())} lines"


def _kernel_row(name: str, lowering: Lowering) -> tuple[object, ...]:
    kernel = _main_kernel(lowering)
    if kernel is None:
        return (name, "copies only", 0, None, None, None, None, None)
    return (
        name,
        "\n".join(kernel.applied_opts) or "none",
        len(lowering.kernels),
        len(kernel.source.splitlines()),
        units.format_count(kernel.flop),
        units.format_bytes(kernel.bytes_accessed),
        kernel.launch,
        units.format_bytes(kernel.binary_bytes),
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

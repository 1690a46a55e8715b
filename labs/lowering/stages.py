"""A lowering's stages as text, for a widget, a notebook cell or a terminal."""

from labs import units
from labs.errors import LoweringError
from labs.lowering.model import STAGES, Kernel, Lowering, Stage


def stage_of(lowering: Lowering, name: str, kernel: int | None = None) -> Stage:
    """One stage; kernel chooses one of `lowering.kernels`, all of them when left out.

    Raises:
        LoweringError: no such stage, or no such kernel.
    """
    known = {s.lower(): s for s in STAGES}
    if not isinstance(name, str) or name.strip().lower() not in known:
        expected = f"one of {', '.join(STAGES)}"
        raise LoweringError("Show a stage", expected=expected, got=repr(name))
    name = known[name.strip().lower()]
    if name == "UOp graph":
        table = lowering.uop_graph.table()
        return Stage(name, str(table), "what the tensor remembers; nothing was run", table)
    if name == "schedule":
        table = lowering.table()
        return Stage(name, str(table), "kernels and copies, in the order they would run", table)
    chosen = _kernels(lowering, kernel)
    if not chosen:
        return Stage(name, "", "the schedule only copies: there is no kernel")
    parts = [_part(k, name) for k in chosen]
    if len(parts) == 1:
        return Stage(name, *parts[0])
    text = "\n".join(
        f"==== {k.name} ====\n{t}" for k, (t, _) in zip(chosen, parts, strict=True) if t
    )
    notes = dict.fromkeys(note for _, note in parts if note)
    return Stage(name, text, "; ".join(notes))


def _kernels(lowering: Lowering, kernel: int | None) -> tuple[Kernel, ...]:
    if kernel is None:
        return lowering.kernels
    if isinstance(kernel, int) and 0 <= kernel < len(lowering.kernels):
        return (lowering.kernels[kernel],)
    expected = f"a number from 0 to {len(lowering.kernels) - 1}" if lowering.kernels else "none"
    raise LoweringError("Show a kernel", expected=expected, got=repr(kernel))


def _part(kernel: Kernel, stage: str) -> tuple[str, str]:
    if stage == "kernel AST":
        return "\n".join(kernel.ast), "before any optimisation"
    if stage == "optimised AST":
        options = "; ".join(kernel.applied_opts) or "no options applied"
        return "\n".join(kernel.optimised_ast), options
    if stage == "source":
        return kernel.source, kernel.language
    if stage == "binary":
        if kernel.binary_bytes is None:
            return "", kernel.binary_reason
        return units.format_bytes(kernel.binary_bytes), kernel.binary_note
    return kernel.disassembly or "", kernel.disassembly_reason or kernel.binary_note

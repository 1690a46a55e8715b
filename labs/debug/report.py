"""What a bisection found, as data: each step's verdict, and the first that diverged in full."""

from dataclasses import dataclass, field

from labs.debug.mismatch import Mismatch
from labs.lowering.model import Stage
from labs.tables import Table, TableView

KINDS = {
    "wrong": "the kernel's result differs",
    "late": "the result is right a moment after synchronize() has returned",
    "outside": "the kernel wrote where it has nothing to write",
    "copy": "the device doesn't give back what was copied to it",
    "raises": "it raises",
    "crashed": "the process that ran it died",
    "hung": "it doesn't return",
}


@dataclass(frozen=True)
class Checked:
    """One step that was run on both devices.

    Args:
        verdict: "same", or a key of KINDS.
        error: the largest error in parts of what is allowed (1 = just allowed); None where nothing
            may differ or nothing was compared.
    """

    number: int
    kind: str
    name: str
    verdict: str
    error: float | None
    allowed: str


@dataclass(frozen=True, repr=False)
class Divergence(TableView):
    """The first step whose result is not the reference's, given the same inputs.

    Args:
        kind: a key of KINDS.
        number: of the step, from 0; name: of the kernel on the device.
        message: what happened, where no values tell it.
        mismatch: the values; None where there are none.
        source: the kernel as the device's compiler got it.
        opts: what the optimiser chose, in words.
        inputs, outputs: dtype and size of each.
    """

    kind: str
    number: int
    name: str
    message: str
    mismatch: Mismatch | None
    source: str = field(repr=False)
    opts: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]

    def table(self) -> Table:
        rows = [
            ("step", f"{self.number}: {self.name}"),
            ("what", KINDS[self.kind]),
            ("details", self.message or None),
            ("options", "\n".join(self.opts) or "none"),
            ("inputs", "\n".join(self.inputs) or "none"),
            ("outputs", "\n".join(self.outputs) or "none"),
        ]
        return Table("The first step that diverges", ("", "value"), tuple(rows))

    def _repr_html_(self) -> str:
        parts = [self.table()._repr_html_()]
        if self.mismatch is not None:
            parts.append(self.mismatch._repr_html_())
        if self.source:
            parts.append(Stage("source", self.source, self.name)._repr_html_())
        return "".join(parts)

    def __str__(self) -> str:
        parts = [str(self.table())]
        if self.mismatch is not None:
            parts.append(str(self.mismatch))
        return "\n\n".join([*parts, self.source] if self.source else parts)


@dataclass(frozen=True, repr=False)
class Bisection(TableView):
    """Every step up to the first that diverges.

    Args:
        steps: that the expression has; `checked` are those that were run.
        divergence: None when all were the same.
    """

    device: str
    reference: str
    steps: int
    checked: tuple[Checked, ...]
    divergence: Divergence | None

    @property
    def same(self) -> bool:
        """No divergence in any step."""
        return self.divergence is None

    def table(self) -> Table:
        rows = tuple(
            (c.number, c.kind, c.name, c.verdict, _parts(c.error), c.allowed) for c in self.checked
        )
        columns = ("step", "kind", "name", "verdict", "error / allowed", "allowed")
        left = self.steps - len(self.checked)
        note = f"Each step got the inputs that {self.reference} computed. "
        if self.divergence is None:
            title = f"No divergence: {self.device} and {self.reference} agree in {self.steps} steps"
        else:
            d = self.divergence
            title = f"{self.device} diverges from {self.reference} in step {d.number}, {d.name}"
            note += f"{left} more steps were not run." if left else "It is the last step."
        return Table(title, columns, rows, note.strip())

    def __str__(self) -> str:
        parts = [str(self.table()), *([str(self.divergence)] if self.divergence else [])]
        return "\n\n".join(parts)

    def _repr_html_(self) -> str:
        more = self.divergence._repr_html_() if self.divergence else ""
        return self.table()._repr_html_() + more


def _parts(error: float | None) -> str | None:
    return None if error is None else f"{error:.2g}"

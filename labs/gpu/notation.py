"""Options as text: "UPCAST 0 4", one on a line or between semicolons, and tinygrad's Opt.

    UPCAST axis amount     neighbouring values in one work item: a vector, or a tile in registers
    UNROLL axis amount     steps of a summed axis written out (its number counts summed axes only)
    LOCAL axis amount      work items of one group
    GROUP, GROUPTOP axis amount    a summed axis shared by the work items of a group
    THREAD axis amount     CPU threads over the outer part of an axis
    PADTO axis multiple    an axis made longer, up to a multiple
    SWAP axis axis         two axes of the launch change places
    TC axis [core [padding [use]]]    tensor cores: which of them (-1: any), 2 allows padding
    NOLOCALS               the runtime chooses the group size

An amount of 0 is the whole axis.
"""

from collections.abc import Iterable

from labs import toolchain
from labs.gpu.kernels import OptionError

toolchain.activate()

from tinygrad.codegen.opt import Opt, OptOps

FORM = "'UPCAST 0 4', 'UNROLL 0 4', 'LOCAL 1 16', 'GROUP 0 8', 'PADTO 0 32', 'THREAD 0 2', 'TC 0'"
_TC = (-1, 0, 1)  # any core, no padding, with the instruction: tinygrad's own defaults
_SPLITS = (
    OptOps.UPCAST,
    OptOps.UNROLL,
    OptOps.LOCAL,
    OptOps.GROUP,
    OptOps.GROUPTOP,
    OptOps.THREAD,
)

Options = str | Iterable[str | Opt]


def parse_options(options: Options) -> tuple[Opt, ...]:
    """Options from text, lines of text, or tinygrad's own objects.

    Raises:
        OptionError: a line that is no option.

    Example:
        >>> parse_options("UPCAST 0 4; LOCAL 1 16")
        (Opt(op=OptOps.UPCAST, axis=0, arg=4), Opt(op=OptOps.LOCAL, axis=1, arg=16))
    """
    items = options.replace(";", "\n").splitlines() if isinstance(options, str) else options
    found = []
    for item in items:
        if isinstance(item, Opt):
            found.append(item)
        elif isinstance(item, str):
            lines = item.replace(";", "\n").splitlines()
            found += [_parse(line) for line in lines if line.strip()]
        else:
            raise _unreadable(item, f"{item!r}, a {type(item).__name__}")
    return tuple(found)


def option_text(opt: Opt) -> str:
    """Opt(UPCAST, 0, 4) -> "UPCAST 0 4", which parses to the same."""
    parts = [opt.op.name]
    if opt.axis is not None:
        parts.append(str(opt.axis))
    if isinstance(opt.arg, tuple):
        parts += [str(a) for a in opt.arg]
    elif opt.arg is not None:
        parts.append(str(opt.arg))
    return " ".join(parts)


def option_texts(opts: Iterable[Opt]) -> tuple[str, ...]:
    return tuple(option_text(o) for o in opts)


def _parse(line: str) -> Opt:
    name, *words = line.replace(",", " ").split()
    op = OptOps.__members__.get(name.upper())
    if op is None:
        raise _unreadable(line, f"'{name}', which is no option")
    try:
        numbers = [int(w) for w in words]
    except ValueError:
        raise _unreadable(line, f"'{' '.join(words)}' where whole numbers belong") from None
    if op is OptOps.NOLOCALS:
        if numbers:
            raise _unreadable(line, "numbers after NOLOCALS, which takes none")
        return Opt(op)
    if op is OptOps.TC:
        if len(numbers) > 1 + len(_TC):
            raise _unreadable(line, f"{len(numbers)} numbers after TC, which takes up to 4")
        axis, *rest = numbers or [0]
        return Opt(op, axis, (*rest, *_TC[len(rest) :]))
    if len(numbers) != 2:
        raise _unreadable(line, f"{len(numbers)} number{'s' if len(numbers) != 1 else ''}, not 2")
    axis, amount = numbers
    if axis < 0 or amount < 0:
        raise _unreadable(line, "a negative number")
    if amount == 1 and op in _SPLITS:
        raise _unreadable(line, "an amount of 1, which splits nothing off")
    if amount == 0 and op is OptOps.PADTO:
        raise _unreadable(line, "a multiple of 0")
    return Opt(op, axis, amount)


def _unreadable(line: object, got: str) -> OptionError:
    return OptionError(
        f"read the option {line!r}",
        expected=f"a name and its numbers, such as {FORM}",
        got=got,
        next_step="write one option a line: NAME axis amount",
    )

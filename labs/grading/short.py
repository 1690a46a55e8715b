"""Values in one line for messages: arrays by shape and a few values, long lists cut."""

from typing import Any

import numpy as np

_ITEMS, _TEXT, _DEPTH = 5, 60, 3


def short(value: Any, depth: int = 0) -> str:
    """One line that shows what a value is like: short(np.zeros((2, 3))) names shape and dtype."""
    if isinstance(value, np.ndarray):
        first = ", ".join(str(v) for v in value.ravel()[:_ITEMS])
        more = ", ..." if value.size > _ITEMS else ""
        return f"array(shape={value.shape}, dtype={value.dtype}, [{first}{more}])"
    if isinstance(value, (list, tuple)) and depth < _DEPTH:
        inner = ", ".join(short(v, depth + 1) for v in value[:_ITEMS])
        inner += f", ... ({len(value)} in all)" if len(value) > _ITEMS else ""
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{comma})"
    if isinstance(value, dict) and depth < _DEPTH:
        shown = list(value.items())[:_ITEMS]
        inner = ", ".join(f"{k!r}: {short(v, depth + 1)}" for k, v in shown)
        inner += f", ... ({len(value)} in all)" if len(value) > _ITEMS else ""
        return f"{{{inner}}}"
    text = repr(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}... ({len(text)} characters)"


def short_call(name: str, question: tuple) -> str:
    """The call that was made: short_call("cost", (2, 3)) -> 'cost(2, 3)'."""
    return f"{name}({', '.join(short(v) for v in question)})"

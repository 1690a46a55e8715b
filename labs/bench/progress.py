"""A progress bar for terminals and notebooks, as a callback for `measure(progress=...)`."""

import sys
from collections.abc import Callable

from tqdm import tqdm

_FORMAT = "{percentage:3.0f}% {bar:24} {elapsed} {desc}"


def progress_bar() -> Callable[[int, int, str], None]:
    """A callback (done, total, text) that draws a bar on stderr, so that stdout stays the result's.

    Example:
        >>> measure("quick", ["CPU"], progress=progress_bar())
    """
    bar: tqdm | None = None

    def show(done: int, total: int, text: str) -> None:
        nonlocal bar
        if bar is None:  # not before there is progress: an error must not stand behind a bar
            bar = tqdm(total=total, file=sys.stderr, bar_format=_FORMAT)
        bar.total = total
        bar.update(done - bar.n)
        bar.set_description_str(text)
        if done >= total:
            bar.close()

    return show

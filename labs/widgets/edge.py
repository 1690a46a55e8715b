"""EDGE's memory, live: real tensors are allocated and freed, and the map is drawn after each step.

Nothing is measured here, and a step takes milliseconds, so it happens in the callback.
"""

import gc
from html import escape
from typing import Any

import ipywidgets as widgets
import traitlets

from labs import backends, toolchain
from labs.charts import edge_memory_chart
from labs.errors import DeviceError
from labs.tables import Table
from labs.units import format_bytes, format_count
from labs.widgets.panel import Panel, error_html, notice_html, tight

DEVICE = "EDGE"
_SIZES = tuple(2**n for n in range(6, 26))  # 64 B to 32 MiB, the whole data memory
_START = 2**22


class EdgeMemory(Panel):
    """`tensors` holds what this panel has allocated, by name; other tensors on EDGE are shown too.

    Freeing drops the reference: the allocator keeps the block for the next tensor of its size.
    """

    title = "EDGE memory"
    memory_map = traitlets.Any(None, allow_none=True)

    def __init__(self, size_bytes: int = _START) -> None:
        toolchain.activate()
        backends.register()
        self.tensors: dict[str, Any] = {}
        self._count = 0
        sizes = tuple(sorted({*_SIZES, size_bytes}))
        self.size = widgets.SelectionSlider(
            options=[(format_bytes(n), n) for n in sizes],
            value=size_bytes,
            description="size",
            layout=widgets.Layout(width="400px"),
        )
        self.size.style.description_width = "40px"
        self.chosen = widgets.Dropdown(options=[], description="tensor")
        self.chosen.layout.width, self.chosen.style.description_width = "220px", "50px"
        self.allocate = _button("Allocate", "Make a float32 tensor of this size", primary=True)
        self.compute = _button("Compute x + 1", "Run a kernel on the chosen tensor")
        self.free = _button("Free", "Drop the chosen tensor: its block is kept for reuse")
        self.drain = _button("Empty the pool", "Give the blocks kept for reuse back to the heap")
        self.reset = _button("Reset", "Free all tensors of this panel and empty the pool")
        self.words, self.chart, self.table = (widgets.HTML("") for _ in range(3))
        for button, action in (
            (self.allocate, self._allocate),
            (self.compute, self._compute),
            (self.free, self._free),
            (self.drain, self._drain),
            (self.reset, self._reset),
        ):
            button.on_click(lambda _, action=action: self._do(action))
        wrapping = widgets.Layout(flex_flow="row wrap")
        super().__init__(
            [
                widgets.HBox([self.size, self.allocate], layout=wrapping),
                widgets.HBox([self.chosen, self.compute, self.free], layout=wrapping),
                widgets.HBox([self.drain, self.reset], layout=wrapping),
                self.words,
                self.chart,
                self.table,
            ]
        )
        self._do(lambda: "")

    def usage(self) -> Any:
        """What the device's allocator says: a MemoryUsage."""
        return backends.open_backend(DEVICE).allocator.usage()

    def _do(self, action: Any) -> None:
        """A step, what came of it in words, and the map after it."""
        try:
            said = action()
            self.words.value = notice_html(said) if said else ""
        except Exception as error:  # the allocator's "no more" is what this panel is for
            self.words.value = error_html(error)
        try:
            self._draw()
        except Exception as error:  # a device that can't be opened here
            self.chart.value, self.table.value = error_html(error), ""

    def _allocate(self) -> str:
        import numpy as np
        from tinygrad import Tensor

        host = np.ones(self.size.value // 4, np.float32)
        tensor = Tensor(host, device=DEVICE).realize()
        name = self._keep(tensor)
        return f"{name} has {format_bytes(host.nbytes)}."

    def _compute(self) -> str:
        name = self._chosen()
        result = (self.tensors[name] + 1).realize()
        device = backends.open_backend(DEVICE)
        run = device.last_run
        new = self._keep(result)
        return (
            f"{new} = {name} + 1: {format_count(run.instructions)} instructions from "
            f"{format_bytes(run.code_bytes)} of code."
        )

    def _free(self) -> str:
        name = self._chosen()
        size = self.tensors.pop(name).nbytes()
        gc.collect()  # a tensor's graph may hold it in a circle
        self._list()
        return f"{name} is freed: its {format_bytes(size)} are kept for a tensor of the same size."

    def _drain(self) -> str:
        before = self.usage().pooled_bytes
        backends.open_backend(DEVICE).allocator.free_cache()
        return f"{format_bytes(before)} are back in the heap."

    def _reset(self) -> str:
        self.tensors.clear()
        self._list()
        gc.collect()
        allocator = backends.open_backend(DEVICE).allocator
        allocator.free_cache()
        allocator.reset_peak()
        used = allocator.usage().used_bytes
        others = f" Tensors made elsewhere still hold {format_bytes(used)}." if used else ""
        return f"All tensors of this panel are freed.{others}"

    def _keep(self, tensor: Any) -> str:
        self._count += 1
        name = f"t{self._count}"
        self.tensors[name] = tensor
        self._list()
        self.chosen.value = name
        return name

    def _list(self) -> None:
        self.chosen.options = [
            (f"{name}: {format_bytes(t.nbytes())}", name) for name, t in self.tensors.items()
        ]

    def _chosen(self) -> str:
        if self.chosen.value is None:
            raise DeviceError(
                "use a tensor of this panel",
                expected="at least one",
                got="none",
                next_step="choose a size and press Allocate",
            )
        return self.chosen.value

    def _draw(self) -> None:
        device = backends.open_backend(DEVICE)
        self.memory_map = device.memory_map()
        self.chart.value = edge_memory_chart(self.memory_map).html
        self.table.value = tight(_usage_table(self.usage())._repr_html_())

    def static_html(self) -> str:
        return self.words.value + self.chart.value + self.table.value

    def static_text(self) -> str:
        if self.memory_map is None:
            return f"{self.title}: {escape(DEVICE)} can't be opened here"
        return f"{self.title}\n{self.memory_map.table()}"


def _button(name: str, hint: str, *, primary: bool = False) -> widgets.Button:
    button = widgets.Button(description=name, tooltip=hint)
    if primary:
        button.button_style = "primary"
    button.layout.width = "130px"
    return button


def _usage_table(usage: Any) -> Table:
    row = (
        format_bytes(usage.used_bytes),
        format_bytes(usage.peak_bytes),
        format_bytes(usage.pooled_bytes),
        format_bytes(usage.limit_bytes),
        usage.allocations,
        usage.reuses,
        usage.frees,
    )
    columns = ("used", "peak", "kept for reuse", "limit", "allocations", "reuses", "frees")
    return Table("allocator.usage()", columns, (row,))

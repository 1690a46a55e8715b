"""labs.widgets.edge: real tensors in the emulated memory, freed, refused, and drawn."""

import pytest

from labs import widgets

MIB = 1 << 20


@pytest.fixture
def panel():
    made = widgets.edge_memory(4 * MIB)
    made.reset.click()
    yield made
    made.reset.click()


def live(panel):
    return [b.size for b in panel.memory_map.buffers if b.kind == "buffer"]


def test_a_tensor_is_allocated_and_drawn(panel):
    used, chart = panel.usage().used_bytes, panel.chart.value
    panel.allocate.click()
    assert panel.usage().used_bytes - used == 4 * MIB
    assert 4 * MIB in live(panel)
    assert "t1 has 4 MiB" in panel.words.value
    assert panel.chart.value != chart and 'alt="Memory map' in panel.chart.value
    assert "allocator.usage()" in panel.table.value


def test_a_freed_tensor_is_kept_and_reused_and_the_pool_can_be_emptied(panel):
    panel.allocate.click()
    panel.free.click()
    assert panel.usage().pooled_bytes == 4 * MIB
    assert panel.chosen.options == () and panel.tensors == {}
    reuses = panel.usage().reuses
    panel.allocate.click()
    assert panel.usage().reuses == reuses + 1 and panel.usage().pooled_bytes == 0
    panel.free.click()
    panel.drain.click()
    assert panel.usage().pooled_bytes == 0
    assert "4 MiB are back in the heap" in panel.words.value


def test_exhaustion_is_the_allocators_own_message_and_the_panel_goes_on(panel):
    panel.size.value = 16 * MIB
    for _ in range(3):
        panel.allocate.click()
    assert "Error" in panel.words.value
    assert "16 MiB asked, limit 32 MiB" in panel.words.value
    held = len(panel.tensors)
    assert held <= 2
    panel.free.click()
    panel.allocate.click()
    assert len(panel.tensors) == held and "Error" not in panel.words.value


def test_a_kernel_appears_in_flash_with_what_it_executed(panel):
    panel.size.value = 1024
    panel.allocate.click()
    panel.compute.click()
    name = panel.chosen.value
    assert f"{name} = t" in panel.words.value and "instructions from" in panel.words.value
    assert len(panel.memory_map.kernels) >= 1
    assert panel.tensors[name].tolist() == [2.0] * 256


def test_free_without_a_tensor_says_what_to_press(panel):
    panel.free.click()
    assert "press Allocate" in panel.words.value


def test_reset_gives_everything_back(panel):
    before = panel.usage().used_bytes
    for _ in range(3):
        panel.allocate.click()
    panel.reset.click()
    assert panel.usage().used_bytes == before and panel.usage().pooled_bytes == 0
    assert panel.chosen.options == ()


def test_without_a_front_end_the_map_and_the_usage_are_shown(panel):
    bundle = panel._repr_mimebundle_()
    assert panel.chart.value in bundle["text/html"] and "peak" in bundle["text/html"]
    assert "0x2000_0000" in bundle["text/plain"]

"""Seams that EDGE stands on: unicorn's hooks in C and saved states, tinygrad's pool and BEAM."""

import ctypes
import inspect

from tinygrad.codegen.opt import search
from tinygrad.device import Compiled, LRUAllocator, TinyELF
from tinygrad.dtype import dtypes
from tinygrad.renderer.cstyle import ClangRenderer
from unicorn import Uc, arm_const, unicorn_const
from unicorn.unicorn_py3.unicorn import uclib


def test_unicorn_takes_a_hook_that_is_a_plain_function_pointer():
    uc = Uc(
        unicorn_const.UC_ARCH_ARM,
        unicorn_const.UC_MODE_THUMB | unicorn_const.UC_MODE_MCLASS,
        arm_const.UC_CPU_ARM_CORTEX_M4,
    )
    uc.mem_map(0x1000, 0x1000)
    uc.mem_write(0x1000, b"\x01\x30\x01\x30\xfe\xe7")  # adds r0, #1, twice; a jump to itself
    seen = []
    kind = ctypes.CFUNCTYPE(
        None, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_uint32, ctypes.c_void_p
    )
    function = kind(lambda uc, address, size, user: seen.append((address, size)))
    handle = ctypes.c_size_t()
    status = uclib.uc_hook_add(
        uc._uch,
        ctypes.byref(handle),
        ctypes.c_int(unicorn_const.UC_HOOK_BLOCK),
        ctypes.cast(function, ctypes.c_void_p),
        None,
        ctypes.c_uint64(1),
        ctypes.c_uint64(0),
    )
    assert status == unicorn_const.UC_ERR_OK
    uc.emu_start(0x1001, 0x1004)
    assert seen[0] == (0x1000, 4) and uc.reg_read(arm_const.UC_ARM_REG_R0) == 2


def test_a_saved_state_brings_back_registers():
    uc = Uc(
        unicorn_const.UC_ARCH_ARM,
        unicorn_const.UC_MODE_THUMB | unicorn_const.UC_MODE_MCLASS,
        arm_const.UC_CPU_ARM_CORTEX_M4,
    )
    state = uc.context_save()
    uc.reg_write(arm_const.UC_ARM_REG_R4, 77)
    uc.context_restore(state)
    assert uc.reg_read(arm_const.UC_ARM_REG_R4) == 0


def test_the_allocators_list_of_freed_blocks_is_keyed_by_size_and_options():
    text = inspect.getsource(LRUAllocator)
    assert "self.cache[(size, options)].append(opaque)" in text
    assert "def free_cache" in text and "super().free(opaque, sz, options)" in text


def test_beam_passes_over_a_candidate_that_raises_a_runtime_error_and_hands_on_a_timeout():
    text = inspect.getsource(search)
    assert "if isinstance(e, RuntimeError): continue" in text
    assert "timeout = int(early_stop * 1e3)" in text  # milliseconds


def test_a_renderer_writes_its_entry_point_with_the_buffers_in_the_launchs_order():
    assert list(inspect.signature(ClangRenderer._render_entry).parameters) == [
        "self",
        "function_name",
        "bufs",
    ]
    assert "signature" in TinyELF.__dataclass_fields__
    assert dtypes.int64.name == "long"  # 32 bits on the cores: the type map says long long
    assert "arch" in inspect.signature(Compiled.__init__).parameters

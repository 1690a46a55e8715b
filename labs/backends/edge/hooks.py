"""The hooks that the emulator calls, as C: they count whole blocks, so that counting costs little.

unicorn announces each straight piece of code before it runs. A table over flash says how many
instructions, and how many model cycles, lie before each half-word: the difference over the piece is
added. A piece that doesn't follow the one before was reached by a branch taken. When a limit is
reached the piece is not counted and the emulator stops before it, so that running on from there
counts it once.

An instruction that an IT block skips is counted: it is fetched and takes its turn, and Arm's own
counter of retired instructions counts it too.
Knows neither tinygrad nor unicorn's Python side.
"""

import ctypes

SOURCE = r"""
#include <stdbool.h>
#include <stdint.h>

typedef struct { uint32_t instructions, cycles; } before;

typedef struct {
  uint64_t instructions, cycles, branches;  /* so far */
  uint64_t next;                            /* where the piece before ends */
  uint64_t limit;                           /* stop when this many instructions have run */
  uint64_t start;                           /* of the code that the table describes */
  uint64_t halfwords;
  const before *table;
  int (*stop)(void *);
  int32_t stopped;
  int32_t fault_kind;                       /* -1: none */
  uint64_t fault_address;
  int32_t fault_size;
} state;

#ifdef _WIN32
#define EXPORT __declspec(dllexport)
#else
#define EXPORT
#endif

EXPORT void on_block(void *uc, uint64_t address, uint32_t size, state *s) {
  uint64_t first = (address - s->start) >> 1, end = first + (size >> 1);
  if (end >= s->halfwords) return;
  uint32_t here = s->table[end].instructions - s->table[first].instructions;
  if (!here) here = 1;  /* a jump into constants: runs as well, and must not run for ever */
  uint64_t instructions = s->instructions + here;
  if (__builtin_expect(instructions > s->limit, 0)) {
    s->stopped = 1;
    s->stop(uc);
    return;
  }
  s->instructions = instructions;
  s->cycles += s->table[end].cycles - s->table[first].cycles;
  s->branches += address != s->next;
  s->next = address + size;
}

/* for tests: each instruction, slowly */
EXPORT void on_instruction(void *uc, uint64_t address, uint32_t size, uint64_t *count) {
  (void)uc; (void)address; (void)size;
  ++*count;
}

EXPORT bool on_fault(void *uc, int kind, uint64_t address, int size, int64_t value, state *s) {
  (void)uc; (void)value;
  s->fault_kind = kind;
  s->fault_address = address;
  s->fault_size = size;
  return false;
}
"""


class State(ctypes.Structure):
    """The hooks' `state`, field for field."""

    _fields_ = [
        ("instructions", ctypes.c_uint64),
        ("cycles", ctypes.c_uint64),
        ("branches", ctypes.c_uint64),
        ("next", ctypes.c_uint64),
        ("limit", ctypes.c_uint64),
        ("start", ctypes.c_uint64),
        ("halfwords", ctypes.c_uint64),
        ("table", ctypes.c_void_p),
        ("stop", ctypes.c_void_p),
        ("stopped", ctypes.c_int32),
        ("fault_kind", ctypes.c_int32),
        ("fault_address", ctypes.c_uint64),
        ("fault_size", ctypes.c_int32),
    ]

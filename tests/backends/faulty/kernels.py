"""Faults of renderers and compilers: the kernel computes something else."""

import re

from tinygrad import dtypes
from tinygrad.device import CompileError
from tinygrad.renderer.cstyle import ClangRenderer
from tinygrad.uop.ops import Ops

from .healthy import HealthyCompiler, HealthyDevice, HealthyRenderer


class FastMathCompiler(HealthyCompiler):
    FLAGS = ("-ffast-math",)


class FastMathRenderer(HealthyRenderer):
    COMPILER = FastMathCompiler


class TailRenderer(HealthyRenderer):
    """The last turn of a loop over an odd number of elements is missing."""

    def render_kernel(self, *args, **kwargs):
        def shorten(found):
            count = int(found[2])
            return f"{found[1]}{count - 1 if count > 4 and count % 2 else count};"

        return re.sub(r"(idx\d+ < )(\d+);", shorten, super().render_kernel(*args, **kwargs))


class CastRoundsRenderer(HealthyRenderer):
    """Float to integer rounds to the nearest."""

    def render_cast(self, u, val):
        if dtypes.is_int(u.dtype) and u.src[0].dtype == dtypes.float32:
            return f"({self.render_type(u)})__builtin_rintf({val})"
        return super().render_cast(u, val)


# a macro: clang's __fp16 can't be returned by a function
TRUNCATED_HALF = """
#define truncated_half(X) ({ float x = (X); __fp16 h = (__fp16)x; float back = (float)h; \\
  unsigned short bits = __builtin_bit_cast(unsigned short, h); \\
  if (__builtin_fabsf(back) > __builtin_fabsf(x) && __builtin_fabsf(x) < 65504.0f) bits--; \\
  __builtin_bit_cast(__fp16, bits); })
"""


class HalfTruncatesRenderer(HealthyRenderer):
    """float32 to float16 drops the bits that don't fit."""

    def render_cast(self, u, val):
        if u.dtype == dtypes.float16 and u.src[0].dtype == dtypes.float32:
            return f"truncated_half({val})"
        return super().render_cast(u, val)

    def render_kernel(self, *args, **kwargs):
        return TRUNCATED_HALF + super().render_kernel(*args, **kwargs)


class UnsignedCastRenderer(HealthyRenderer):
    """uint32 becomes a floating-point number as if it were int32."""

    def render_cast(self, u, val):
        if u.dtype in dtypes.floats and u.src[0].dtype == dtypes.uint32:
            return f"({self.render_type(u)})(int)({val})"
        return super().render_cast(u, val)


SATURATED_ADD = """
static inline int saturated_add(int a, int b) {
  long long sum = (long long)a + b;
  return sum > 2147483647 ? 2147483647 : sum < -2147483647 - 1 ? -2147483647 - 1 : (int)sum;
}
"""


def _add(a, b, dtype):
    return f"saturated_add({a},{b})" if dtype == dtypes.int32 else f"({a}+{b})"


class SaturatesRenderer(HealthyRenderer):
    """int32 additions stop at the ends of the range."""

    code_for_op = {**ClangRenderer.code_for_op, Ops.ADD: _add}

    def render_kernel(self, *args, **kwargs):
        return SATURATED_ADD + super().render_kernel(*args, **kwargs)


FLUSH = """
#define FLUSH(x) (__builtin_fabsf((float)(x)) < 1.17549435e-38f ? 0 : (x))
"""


def _multiply_flushing(a, b, dtype):
    return f"FLUSH({a}*{b})" if dtype == dtypes.float32 else f"({a}*{b})"


class DenormalRenderer(HealthyRenderer):
    """float32 products below the smallest normal number are zero."""

    code_for_op = {**ClangRenderer.code_for_op, Ops.MUL: _multiply_flushing}

    def render_kernel(self, *args, **kwargs):
        return FLUSH + super().render_kernel(*args, **kwargs)


def _multiply_adding(a, b, dtype):
    return f"({a}*{b}+0.0f)" if dtype == dtypes.float32 else f"({a}*{b})"


class SignedZeroRenderer(HealthyRenderer):
    """A product that is minus zero comes out as zero."""

    code_for_op = {**ClangRenderer.code_for_op, Ops.MUL: _multiply_adding}


def _logical_shift(a, b, dtype):
    if dtypes.is_int(dtype) and not dtypes.is_unsigned(dtype):
        bits = dtype.itemsize * 8
        kind = {8: "char", 16: "short", 32: "int", 64: "long long"}[bits]
        return f"(({kind})((unsigned {kind})({a})>>{b}))"
    return f"({a}>>{b})"


class ShiftRenderer(HealthyRenderer):
    """Signed numbers are shifted right as if they were unsigned."""

    code_for_op = {**ClangRenderer.code_for_op, Ops.SHR: _logical_shift}


def _signed_less(a, b, dtype):
    return f"((int)({a})<(int)({b}))"


class SignedCompareRenderer(HealthyRenderer):
    """uint32 is compared as int32."""

    def _render(self, uops):
        unsigned = any(u.op is Ops.CMPLT and u.src[0].dtype == dtypes.uint32 for u in uops)
        usual = ClangRenderer.code_for_op
        self.code_for_op = {**usual, Ops.CMPLT: _signed_less} if unsigned else usual
        return super()._render(uops)


def _floor_division(a, b, dtype):
    if dtypes.is_int(dtype) and not dtypes.is_unsigned(dtype):
        return f"({a}/{b}-(({a}%{b}!=0)&&(({a}<0)!=({b}<0))))"
    return f"({a}/{b})"


class FloorDivisionRenderer(HealthyRenderer):
    """The division that has to truncate rounds down."""

    code_for_op = {**ClangRenderer.code_for_op, Ops.CDIV: _floor_division}


class RoughSqrtRenderer(HealthyRenderer):
    """Square roots with the accuracy of half precision."""

    code_for_op = {
        **ClangRenderer.code_for_op,
        Ops.SQRT: lambda x, dtype: f"((float)(__fp16)__builtin_sqrtf({x}))",
    }


class TrapRenderer(HealthyRenderer):
    """Square roots end the process."""

    code_for_op = {
        **ClangRenderer.code_for_op,
        Ops.SQRT: lambda x, dtype: f"({x}+(__builtin_trap(),0))",
    }


class HiddenOptionRenderer(HealthyRenderer):
    """An option in the instance changes the source; it doesn't travel to compile workers."""

    def __init__(self, target) -> None:
        super().__init__(target)
        self.banner = f"/* {id(self)} */\n"

    def render_kernel(self, *args, **kwargs):
        return self.banner + super().render_kernel(*args, **kwargs)


class SwallowsCompiler(HealthyCompiler):
    """A source that doesn't compile is answered with a kernel that does nothing."""

    def compile(self, src):
        try:
            return super().compile(src)
        except CompileError:
            return super().compile("void nothing(void) {}")


class SwallowsRenderer(HealthyRenderer):
    COMPILER = SwallowsCompiler


def _device(name: str, renderer: type) -> type:
    return type(f"{name}Device", (HealthyDevice,), {"RENDERER": renderer, "__module__": __name__})


FastMathDevice = _device("FastMath", FastMathRenderer)
TailDevice = _device("Tail", TailRenderer)
CastRoundsDevice = _device("CastRounds", CastRoundsRenderer)
HalfTruncatesDevice = _device("HalfTruncates", HalfTruncatesRenderer)
UnsignedCastDevice = _device("UnsignedCast", UnsignedCastRenderer)
SaturatesDevice = _device("Saturates", SaturatesRenderer)
DenormalDevice = _device("Denormal", DenormalRenderer)
SignedZeroDevice = _device("SignedZero", SignedZeroRenderer)
ShiftDevice = _device("Shift", ShiftRenderer)
SignedCompareDevice = _device("SignedCompare", SignedCompareRenderer)
FloorDivisionDevice = _device("FloorDivision", FloorDivisionRenderer)
RoughSqrtDevice = _device("RoughSqrt", RoughSqrtRenderer)
TrapDevice = _device("Trap", TrapRenderer)
HiddenOptionDevice = _device("HiddenOption", HiddenOptionRenderer)
SwallowsDevice = _device("Swallows", SwallowsRenderer)

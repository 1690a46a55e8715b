// Put in front of every kernel. The sizes M, N, K and the tiles are #defined by the host, so the
// compiler knows them. No header is included: NVRTC then needs nothing but itself.
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#ifndef HALF
#define HALF 0  // 1: inputs and output are float16; sums are float32 everywhere
#endif
#ifndef BFLOAT16
#define BFLOAT16 0  // 1: the tensor-core kernels take bfloat16 instead of float16
#endif

#if HALF
typedef u16 element;
#define VECTOR 8  // elements in 16 bytes, the widest load there is
__device__ __forceinline__ float to_float(element x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x));
    return y;
}
__device__ __forceinline__ element to_element(float x) {
    element y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
    return y;
}
#else
typedef float element;
#define VECTOR 4
__device__ __forceinline__ float to_float(element x) { return x; }
__device__ __forceinline__ element to_element(float x) { return x; }
#endif

struct alignas(16) vector {
    element at[VECTOR];
};

// Two float32 to two 16-bit numbers in one register: the first in the low half.
__device__ __forceinline__ u32 pack_half(float low, float high) {
    u32 pair;
#if BFLOAT16
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#else
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
#endif
    return pair;
}

// Shared memory has an address space of its own; the asm instructions want its 32-bit address.
__device__ __forceinline__ u32 shared_address(const void* pointer) {
    return static_cast<u32>(__cvta_generic_to_shared(pointer));
}

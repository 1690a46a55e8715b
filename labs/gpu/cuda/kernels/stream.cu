// The streaming kernels: copy, x + 1, x + y. A thread handles EACH groups of 16 bytes that lie a
// block's width apart: a warp's load is 512 bytes side by side, and all of a thread's loads are on
// their way before the first one is used. On an H100 one group is enough: 2048 threads on each
// multiprocessor keep memory busy (measured: 2 to 8 groups are 1 to 3 % slower).
#ifndef EACH
#define EACH 1
#endif
#define THREADS 256
// Loads and stores that pass through the caches without staying: nothing here is used twice.
#define LOAD(from) __ldcs(from)
#define STORE(to, value) __stcs(to, value)

__device__ __forceinline__ int place(int i) {
    return (blockIdx.x * EACH + i) * THREADS + threadIdx.x;
}

extern "C" __global__ void __launch_bounds__(THREADS) stream_copy(float4* to, const float4* x) {
    float4 a[EACH];
#pragma unroll
    for (int i = 0; i < EACH; i++) a[i] = LOAD(x + place(i));
#pragma unroll
    for (int i = 0; i < EACH; i++) STORE(to + place(i), a[i]);
}

extern "C" __global__ void __launch_bounds__(THREADS) stream_add_one(float4* to, const float4* x) {
    float4 a[EACH];
#pragma unroll
    for (int i = 0; i < EACH; i++) a[i] = LOAD(x + place(i));
#pragma unroll
    for (int i = 0; i < EACH; i++)
        STORE(to + place(i), make_float4(a[i].x + 1, a[i].y + 1, a[i].z + 1, a[i].w + 1));
}

extern "C" __global__ void __launch_bounds__(THREADS)
stream_add(float4* to, const float4* x, const float4* y) {
    float4 a[EACH], b[EACH];
#pragma unroll
    for (int i = 0; i < EACH; i++) a[i] = LOAD(x + place(i)), b[i] = LOAD(y + place(i));
#pragma unroll
    for (int i = 0; i < EACH; i++)
        STORE(to + place(i), make_float4(a[i].x + b[i].x, a[i].y + b[i].y, a[i].z + b[i].z,
                                         a[i].w + b[i].w));
}

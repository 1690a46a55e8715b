// The sum of N float32. Every thread adds groups of 16 bytes into EACH independent sums, a block
// adds its threads' sums, and the block that finishes last adds the blocks' sums: one launch, and
// the same order of additions every time. `done` counts the finished blocks and wraps to 0.
#ifndef EACH
#define EACH 16
#endif
#define THREADS 512

__device__ float block_sum(float value) {
    __shared__ float warps[THREADS / 32];
    for (int step = 16; step; step /= 2) value += __shfl_xor_sync(~0u, value, step);
    __syncthreads();  // `warps` may still be read from an earlier call
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
    __syncthreads();
    value = threadIdx.x < THREADS / 32 ? warps[threadIdx.x] : 0;
    if (threadIdx.x < 32)
        for (int step = 16; step; step /= 2) value += __shfl_xor_sync(~0u, value, step);
    return value;  // of thread 0
}

extern "C" __global__ void __launch_bounds__(THREADS)
stream_sum(float* to, const float4* x, float* partial, u32* done) {
    float4 sums[EACH] = {};
    for (int start = blockIdx.x * EACH * THREADS; start < N / 4; start += gridDim.x * EACH * THREADS)
#pragma unroll
        for (int i = 0; i < EACH; i++) {
            float4 a = __ldcs(x + start + i * THREADS + threadIdx.x);
            sums[i].x += a.x, sums[i].y += a.y, sums[i].z += a.z, sums[i].w += a.w;
        }
    float sum = 0;
#pragma unroll
    for (int i = 0; i < EACH; i++) sum += (sums[i].x + sums[i].y) + (sums[i].z + sums[i].w);
    sum = block_sum(sum);
    __shared__ bool last;
    if (threadIdx.x == 0) {
        partial[blockIdx.x] = sum;
        __threadfence();  // the sum is visible before the count
        last = atomicInc(done, gridDim.x - 1) == gridDim.x - 1;
    }
    __syncthreads();
    if (!last) return;
    __threadfence();
    sum = 0;
    for (int i = threadIdx.x; i < gridDim.x; i += THREADS) sum += __ldcg(&partial[i]);
    sum = block_sum(sum);
    if (threadIdx.x == 0) *to = sum;
}

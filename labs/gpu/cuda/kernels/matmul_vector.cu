// Everything moves 16 bytes at a time, and the next tile is on its way while this one is used:
// * global memory -> registers, before the multiply-adds of the current tile start;
// * registers -> the other half of shared memory, after them; one barrier per tile is left;
// * A is stored transposed, so that a thread's rows are neighbours there too.
// A warp is a grid of LANES_M x LANES_N threads; a thread has EACH_M x EACH_N elements, in groups of 4
// rows and 4 columns that lie a whole row of lanes apart: each lane's 16 bytes are next to the other
// lanes' 16 bytes.
#ifndef WARPS_M
#define WARPS_M 1
#define WARPS_N 4
#define EACH_M 16
#define EACH_N 8
#define DEPTH 8
#define BLOCKS 2  // that share a multiprocessor: the fewer, the more registers each thread has
#endif
#define LANES_M 8
#define LANES_N 4
#define THREADS (WARPS_M * WARPS_N * 32)
#define TILE_M (WARPS_M * LANES_M * EACH_M)
#define TILE_N (WARPS_N * LANES_N * EACH_N)
#define PITCH (TILE_M + 4)  // of the transposed A: 4 more, so that its stores spread over the banks
#define A_LOADS (TILE_M * DEPTH / VECTOR / THREADS)
#define B_LOADS (TILE_N * DEPTH / VECTOR / THREADS)

struct tiles {
    float a[2][DEPTH][PITCH], b[2][DEPTH][TILE_N];
};

__device__ __forceinline__ void load(vector (&a)[A_LOADS], vector (&b)[B_LOADS], const element* A,
                                     const element* B) {
#pragma unroll
    for (int i = 0; i < A_LOADS; i++) {
        int at = (threadIdx.x + i * THREADS) * VECTOR;
        a[i] = *reinterpret_cast<const vector*>(&A[at / DEPTH * K + at % DEPTH]);
    }
#pragma unroll
    for (int i = 0; i < B_LOADS; i++) {
        int at = (threadIdx.x + i * THREADS) * VECTOR;
        b[i] = *reinterpret_cast<const vector*>(&B[at / TILE_N * N + at % TILE_N]);
    }
}

__device__ __forceinline__ void store(tiles& shared, int half, const vector (&a)[A_LOADS],
                                      const vector (&b)[B_LOADS]) {
#pragma unroll
    for (int i = 0; i < A_LOADS; i++) {
        int at = (threadIdx.x + i * THREADS) * VECTOR;
#pragma unroll
        for (int j = 0; j < VECTOR; j++)
            shared.a[half][at % DEPTH + j][at / DEPTH] = to_float(a[i].at[j]);
    }
#pragma unroll
    for (int i = 0; i < B_LOADS; i++) {
        int at = (threadIdx.x + i * THREADS) * VECTOR;
#pragma unroll
        for (int j = 0; j < VECTOR; j += 4) {
            float4 four = {to_float(b[i].at[j]), to_float(b[i].at[j + 1]), to_float(b[i].at[j + 2]),
                           to_float(b[i].at[j + 3])};
            *reinterpret_cast<float4*>(&shared.b[half][at / TILE_N][at % TILE_N + j]) = four;
        }
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
matmul_vector(element* C, const element* A, const element* B) {
    extern __shared__ char memory[];
    tiles& shared = *reinterpret_cast<tiles*>(memory);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int row = warp / WARPS_N * LANES_M * EACH_M + lane / LANES_N * 4;     // first of a thread's rows
    int column = warp % WARPS_N * LANES_N * EACH_N + lane % LANES_N * 4;  // and of its columns
    A += blockIdx.y * TILE_M * K;
    B += blockIdx.x * TILE_N;
    C += blockIdx.y * TILE_M * N + blockIdx.x * TILE_N;

    vector a[A_LOADS], b[B_LOADS];
    load(a, b, A, B);
    store(shared, 0, a, b);
    __syncthreads();
    float sum[EACH_M][EACH_N] = {};
    for (int k0 = 0, half = 0; k0 < K; k0 += DEPTH, half ^= 1) {
        bool more = k0 + DEPTH < K;
        if (more) load(a, b, A + k0 + DEPTH, B + (k0 + DEPTH) * N);
#pragma unroll
        for (int k = 0; k < DEPTH; k++) {
            float left[EACH_M], right[EACH_N];
#pragma unroll
            for (int i = 0; i < EACH_M; i += 4)
                *reinterpret_cast<float4*>(&left[i]) =
                    *reinterpret_cast<float4*>(&shared.a[half][k][row + i * LANES_M]);
#pragma unroll
            for (int j = 0; j < EACH_N; j += 4)
                *reinterpret_cast<float4*>(&right[j]) =
                    *reinterpret_cast<float4*>(&shared.b[half][k][column + j * LANES_N]);
#pragma unroll
            for (int i = 0; i < EACH_M; i++)
#pragma unroll
                for (int j = 0; j < EACH_N; j++) sum[i][j] += left[i] * right[j];
        }
        if (more) store(shared, half ^ 1, a, b);
        __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < EACH_M; i++)
#pragma unroll
        for (int j = 0; j < EACH_N; j += 4) {
            element* four = &C[(row + i / 4 * 4 * LANES_M + i % 4) * N + column + j * LANES_N];
#if HALF
            uint2 pairs = {pack_half(sum[i][j], sum[i][j + 1]),
                           pack_half(sum[i][j + 2], sum[i][j + 3])};
            *reinterpret_cast<uint2*>(four) = pairs;
#else
            *reinterpret_cast<float4*>(four) =
                make_float4(sum[i][j], sum[i][j + 1], sum[i][j + 2], sum[i][j + 3]);
#endif
        }
}

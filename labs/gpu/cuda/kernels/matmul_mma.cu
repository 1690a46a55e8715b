// Tensor cores, the way they are on every NVIDIA GPU since Ampere: one mma instruction of a warp
// multiplies a 16 x 16 piece of A with a 16 x 8 piece of B and adds it to 16 x 8 sums in registers.
// * cp.async copies global memory into shared memory without passing through registers, several
//   tiles ahead (STAGES);
// * ldmatrix reads the pieces in the layout that mma wants; .trans turns B, which is row-major;
// * the 16-byte groups of a row are permuted (XOR with the row), so that the 8 rows that ldmatrix
//   reads at a time lie in different banks.
#ifndef WARPS_M
#define WARPS_M 2
#define WARPS_N 2
#define WARP_M 64  // rows and columns of C of one warp
#define WARP_N 64
#define STAGES 4
#endif
#define DEPTH 32
#define THREADS (WARPS_M * WARPS_N * 32)
#define TILE_M (WARPS_M * WARP_M)
#define TILE_N (WARPS_N * WARP_N)
#define A_BYTES (TILE_M * DEPTH * 2)
#define STAGE_BYTES (A_BYTES + TILE_N * DEPTH * 2)
#if BFLOAT16
#define INPUTS "bf16.bf16"
#else
#define INPUTS "f16.f16"
#endif
#define GROUP 8  // tile rows that share their columns of B while these are in the L2 cache

// Where the 16-byte group `column` of `row` lies, in bytes.
__device__ __forceinline__ u32 at_a(int row, int column) {
    return row * DEPTH * 2 + (column ^ (row / 2 % 4)) * 16;
}
__device__ __forceinline__ u32 at_b(int row, int column) {
    return row * TILE_N * 2 + (column ^ (row % 8)) * 16;
}

__device__ __forceinline__ void copy_16(u32 to, const void* from) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from));
}

__device__ __forceinline__ void load(u32 stage, const u16* A, const u16* B) {
#pragma unroll
    for (int i = threadIdx.x; i < TILE_M * DEPTH / 8; i += THREADS) {
        int row = i / (DEPTH / 8), column = i % (DEPTH / 8);
        copy_16(stage + at_a(row, column), &A[row * K + column * 8]);
    }
#pragma unroll
    for (int i = threadIdx.x; i < TILE_N * DEPTH / 8; i += THREADS) {
        int row = i / (TILE_N / 8), column = i % (TILE_N / 8);
        copy_16(stage + A_BYTES + at_b(row, column), &B[row * N + column * 8]);
    }
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
matmul_mma(u16* C, const u16* A, const u16* B) {
    extern __shared__ __align__(128) char memory[];
    u32 shared = shared_address(memory);
    int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    int warp_row = warp / WARPS_N * WARP_M, warp_column = warp % WARPS_N * WARP_N;
    int group = blockIdx.x / (GROUP * (N / TILE_N)), within = blockIdx.x % (GROUP * (N / TILE_N));
    int tile_row = group * GROUP + within % GROUP, tile_column = within / GROUP;
    A += tile_row * TILE_M * K;
    B += tile_column * TILE_N;
    C += tile_row * TILE_M * N + tile_column * TILE_N;

#pragma unroll
    for (int s = 0; s < STAGES - 1; s++) {
        load(shared + s * STAGE_BYTES, A + s * DEPTH, B + s * DEPTH * N);
        asm volatile("cp.async.commit_group;");
    }
    float sum[WARP_M / 16][WARP_N / 8][4] = {};
    for (int t = 0; t < K / DEPTH; t++) {
        asm volatile("cp.async.wait_group %0;" ::"n"(STAGES - 2));  // tile t is there ...
        __syncthreads();  // ... for everybody, and nobody uses tile t - 1 any more
        int next = t + STAGES - 1;
        if (next < K / DEPTH)
            load(shared + next % STAGES * STAGE_BYTES, A + next * DEPTH, B + next * DEPTH * N);
        asm volatile("cp.async.commit_group;");
        u32 a_tile = shared + t % STAGES * STAGE_BYTES, b_tile = a_tile + A_BYTES;
#pragma unroll
        for (int k = 0; k < DEPTH; k += 16) {
            u32 a[WARP_M / 16][4], b[WARP_N / 8][2];
#pragma unroll
            for (int i = 0; i < WARP_M / 16; i++)
                asm volatile(
                    "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                    : "=r"(a[i][0]), "=r"(a[i][1]), "=r"(a[i][2]), "=r"(a[i][3])
                    : "r"(a_tile + at_a(warp_row + i * 16 + lane % 16, k / 8 + lane / 16)));
#pragma unroll
            for (int j = 0; j < WARP_N / 8; j += 2)
                asm volatile(
                    "ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                    : "=r"(b[j][0]), "=r"(b[j][1]), "=r"(b[j + 1][0]), "=r"(b[j + 1][1])
                    : "r"(b_tile + at_b(k + lane % 16, warp_column / 8 + j + lane / 16)));
#pragma unroll
            for (int i = 0; i < WARP_M / 16; i++)
#pragma unroll
                for (int j = 0; j < WARP_N / 8; j++)
                    asm volatile(
                        "mma.sync.aligned.m16n8k16.row.col.f32." INPUTS ".f32 "
                        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
                        : "+f"(sum[i][j][0]), "+f"(sum[i][j][1]), "+f"(sum[i][j][2]),
                          "+f"(sum[i][j][3])
                        : "r"(a[i][0]), "r"(a[i][1]), "r"(a[i][2]), "r"(a[i][3]), "r"(b[j][0]),
                          "r"(b[j][1]));
        }
    }
    // a lane has two neighbours of row lane / 4, and two of the row 8 further down
#pragma unroll
    for (int i = 0; i < WARP_M / 16; i++)
#pragma unroll
        for (int j = 0; j < WARP_N / 8; j++) {
            int row = warp_row + i * 16 + lane / 4, column = warp_column + j * 8 + lane % 4 * 2;
            *reinterpret_cast<u32*>(&C[row * N + column]) = pack_half(sum[i][j][0], sum[i][j][1]);
            *reinterpret_cast<u32*>(&C[(row + 8) * N + column]) =
                pack_half(sum[i][j][2], sum[i][j][3]);
        }
}

// The same with a division of labour, so that the tensor cores never wait for anything but memory:
// * one warpgroup only asks for tiles, as fast as there is room for them (full/empty barriers);
//   it gives most of its registers to the two that multiply (setmaxnreg);
// * two blocks on neighbouring SMs (a cluster) compute tiles below each other, which need the same
//   columns of B: each asks for half of them, and the copy engine delivers to both (multicast);
// * a block stays and takes one tile after the other (persistent): while it stores one, the loads
//   of the next are on their way. Tiles in flight at the same time share rows and columns in L2;
// * results go through shared memory and leave by TMA, as whole 128-byte rows.
#ifndef STAGES
#define STAGES 4
#define STORE_N 128  // columns of C that a warpgroup puts into shared memory at a time
#define CLUSTER 2
#define GROUP 8  // clusters below each other before the next column of tiles
#endif
#define TILE_M 128
#define TILE_N 256
#define DEPTH 64
#define A_BYTES (TILE_M * DEPTH * 2)
#define SLAB_BYTES (DEPTH * 128)
#define B_BYTES (TILE_N * DEPTH * 2)
#define STAGE_BYTES (A_BYTES + B_BYTES)
#define STORE_BYTES (64 * STORE_N * 2)  // of one warpgroup
#define TILES_M (M / (TILE_M * CLUSTER))
#define TILES_N (N / TILE_N)
#define STEPS (K / DEPTH)

struct place {
    int row, column;
};

__device__ __forceinline__ place place_of(int tile, int rank) {
    int group = tile / (GROUP * TILES_N), within = tile % (GROUP * TILES_N);
    int high = min(GROUP, TILES_M - group * GROUP);  // the last group may be lower
    return {((group * GROUP + within % high) * CLUSTER + rank) * TILE_M, within / high * TILE_N};
}

extern "C" __global__ void __cluster_dims__(CLUSTER, 1, 1) __launch_bounds__(384, 1)
matmul_hopper(u16* C, const u16* A, const u16* B, const tensor_map* maps) {
    extern __shared__ __align__(1024) char memory[];
    __shared__ u64 full_[STAGES], empty_[STAGES];
    u32 shared = shared_address(memory);
    u32 full = shared_address(full_), empty = shared_address(empty_);
    int warpgroup = threadIdx.x / 128, rank = CLUSTER > 1 ? cluster_rank() : 0;
    int first = blockIdx.x / CLUSTER, clusters = gridDim.x / CLUSTER;
    if (threadIdx.x == 0) {
        for (int s = 0; s < STAGES; s++) {
            barrier_init(full + s * 8, 1);
            barrier_init(empty + s * 8, 2 * CLUSTER);  // the multiplying warpgroups of all blocks
        }
        fence_async();
        asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
    }
    if (CLUSTER > 1)
        cluster_sync();
    else
        __syncthreads();

    if (warpgroup == 0) {
        asm volatile("setmaxnreg.dec.sync.aligned.u32 40;");
        if (threadIdx.x == 0) {
            int stage = 0, parity = 1;  // the first time round, every stage is empty
            for (int tile = first; tile < TILES_M * TILES_N; tile += clusters) {
                place at = place_of(tile, rank);
#pragma unroll 1
                for (int step = 0; step < STEPS; step++) {
                    u32 to = shared + stage * STAGE_BYTES, barrier = full + stage * 8;
                    barrier_wait(empty + stage * 8, parity);
                    barrier_expect(barrier, STAGE_BYTES);
                    tma_load(to, &maps[0], barrier, step * DEPTH, at.row);
                    const int share = TILE_N / 64 / CLUSTER;  // slabs of B that this block asks for
                    u32 slabs = to + A_BYTES + rank * share * SLAB_BYTES;
                    if (CLUSTER > 1)
                        tma_load_all(slabs, &maps[1], barrier, 0, step * DEPTH,
                                     at.column / 64 + rank * share, (1 << CLUSTER) - 1);
                    else
                        tma_load(slabs, &maps[1], barrier, 0, step * DEPTH, at.column / 64);
                    if (++stage == STAGES) stage = 0, parity ^= 1;
                }
            }
        }
    } else {
        asm volatile("setmaxnreg.inc.sync.aligned.u32 232;");
        int thread = threadIdx.x % 128, lane = threadIdx.x % 32, half = warpgroup - 1;
        u32 store = shared + STAGES * STAGE_BYTES + half * STORE_BYTES;
        int stage = 0, parity = 0;
        float sum[TILE_N / 2];
        for (int tile = first; tile < TILES_M * TILES_N; tile += clusters) {
            place at = place_of(tile, rank);
            int before = 0;  // the stage that the unfinished wgmmas read
            for (int step = 0; step < STEPS; step++) {
                barrier_wait(full + stage * 8, parity);
                u32 a = shared + stage * STAGE_BYTES + half * 64 * 128;
                u32 b = shared + stage * STAGE_BYTES + A_BYTES;
                wgmma_fence();
#pragma unroll
                for (int k = 0; k < DEPTH; k += 16)
                    wgmma(sum, descriptor(a + k * 2, 16), descriptor(b + k * 128, SLAB_BYTES),
                          step || k);
                wgmma_commit();
                wgmma_wait<1>();  // the step before is finished: its stage may be filled
                if (step && thread < CLUSTER) barrier_arrive(empty + before * 8, thread);
                before = stage;
                if (++stage == STAGES) stage = 0, parity ^= 1;
            }
            wgmma_wait<0>();
            if (thread < CLUSTER) barrier_arrive(empty + before * 8, thread);

            // a quarter of a warp's lanes holds 8 x 8 elements: stmatrix puts 4 of these into rows
            int row = thread / 32 * 16 + lane % 16;
#pragma unroll
            for (int part = 0; part < TILE_N; part += STORE_N) {
                if (thread == 0) tma_store_wait();
                asm volatile("bar.sync %0, 128;" ::"r"(half + 1) : "memory");
#pragma unroll
                for (int j = 0; j < STORE_N; j += 16) {
                    const float* s = &sum[(part + j) / 2];
                    u32 to = store + j / 64 * 8192 + row * 128 +
                             ((j % 64 / 8 + lane / 16) ^ (row % 8)) * 16;
                    asm volatile(
                        "stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(to),
                        "r"(pack_half(s[0], s[1])), "r"(pack_half(s[2], s[3])),
                        "r"(pack_half(s[4], s[5])), "r"(pack_half(s[6], s[7]))
                        : "memory");
                }
                fence_async();
                asm volatile("bar.sync %0, 128;" ::"r"(half + 1) : "memory");
                if (thread == 0)
                    for (int j = 0; j < STORE_N; j += 64)
                        tma_store(&maps[2], store + j / 64 * 8192, at.column + part + j,
                                  at.row + half * 64);
            }
        }
        if (thread == 0) asm volatile("cp.async.bulk.wait_group 0;" ::: "memory");
    }
    if (CLUSTER > 1) cluster_sync();  // a block must not end while the other still signals it
}

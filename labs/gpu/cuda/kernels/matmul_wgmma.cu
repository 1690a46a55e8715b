// Hopper's tensor cores: a wgmma instruction of 4 warps (a warpgroup) multiplies 64 x 16 of A with
// 16 x 256 of B, both straight from shared memory, and goes on while the warps do something else.
// The tiles come by TMA: one thread asks the copy engine for a whole box, and a barrier says when
// its bytes have arrived. No thread computes an address, no register holds a piece of a tile.
#define TILE_M 128  // two warpgroups, 64 rows each
#define TILE_N 256
#define DEPTH 64  // 128 bytes of float16: one slab
#define STAGES 4
#define A_BYTES (TILE_M * DEPTH * 2)
#define SLAB_BYTES (DEPTH * 128)  // DEPTH rows of 64 columns of B
#define STAGE_BYTES (A_BYTES + TILE_N * DEPTH * 2)
#define GROUP 8

extern "C" __global__ void __launch_bounds__(256, 1)
matmul_wgmma(u16* C, const u16* A, const u16* B, const tensor_map* maps) {
    extern __shared__ __align__(1024) char memory[];
    __shared__ u64 full[STAGES];
    u32 shared = shared_address(memory);
    int group = blockIdx.x / (GROUP * (N / TILE_N)), within = blockIdx.x % (GROUP * (N / TILE_N));
    int row0 = (group * GROUP + within % GROUP) * TILE_M, column0 = within / GROUP * TILE_N;
    auto load = [&](int t) {
        u32 stage = shared + t % STAGES * STAGE_BYTES, barrier = shared_address(&full[t % STAGES]);
        barrier_expect(barrier, STAGE_BYTES);
        tma_load(stage, &maps[0], barrier, t * DEPTH, row0);
        tma_load(stage + A_BYTES, &maps[1], barrier, 0, t * DEPTH, column0 / 64);
    };
    if (threadIdx.x == 0) {
        for (int s = 0; s < STAGES; s++) barrier_init(shared_address(&full[s]), 1);
        fence_async();
        for (int t = 0; t < STAGES && t < K / DEPTH; t++) load(t);
    }
    __syncthreads();
    int warpgroup = threadIdx.x / 128;
    float sum[TILE_N / 2];
    for (int t = 0; t < K / DEPTH; t++) {
        barrier_wait(shared_address(&full[t % STAGES]), t / STAGES % 2);
        u32 a = shared + t % STAGES * STAGE_BYTES + warpgroup * 64 * 128;
        u32 b = shared + t % STAGES * STAGE_BYTES + A_BYTES;
        wgmma_fence();
#pragma unroll
        for (int k = 0; k < DEPTH; k += 16)
            wgmma(sum, descriptor(a + k * 2, 16), descriptor(b + k * 128, SLAB_BYTES), t || k);
        wgmma_commit();
        wgmma_wait<0>();
        __syncthreads();  // both warpgroups are done with this stage: it may be filled again
        if (threadIdx.x == 0 && t + STAGES < K / DEPTH) load(t + STAGES);
    }
    int lane = threadIdx.x % 32, row = row0 + threadIdx.x / 32 * 16 + lane / 4;
#pragma unroll
    for (int j = 0; j < TILE_N / 8; j++) {
        int column = column0 + j * 8 + lane % 4 * 2;
        *reinterpret_cast<u32*>(&C[row * N + column]) = pack_half(sum[j * 4], sum[j * 4 + 1]);
        *reinterpret_cast<u32*>(&C[(row + 8) * N + column]) =
            pack_half(sum[j * 4 + 2], sum[j * 4 + 3]);
    }
}

// Hopper's own instructions (sm_90a), one function each. A tile in shared memory that the copy
// engine (TMA) writes and the tensor cores read consists of slabs: rows of 128 bytes, whose 16-byte
// groups are permuted within 8 rows ("128-byte swizzle"); both units do it alike.

struct alignas(64) tensor_map {
    char opaque[128];  // CUtensorMap, made by the driver
};

__device__ __forceinline__ void barrier_init(u32 barrier, int arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals));
}

// One arrival, and the promise that so many bytes will be copied before the phase is over.
__device__ __forceinline__ void barrier_expect(u32 barrier, int bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes)
                 : "memory");
}

// Arrives at the same barrier in the block number `block` of the cluster. Without ".release.cluster",
// which would stop the thread until all its writes are visible: tiles are written and read by the
// copy engine and the tensor cores, and a barrier orders these by itself.
__device__ __forceinline__ void barrier_arrive(u32 barrier, int block) {
    asm volatile(
        "{\n"
        ".reg .b32 remote;\n"
        "mapa.shared::cluster.u32 remote, %0, %1;\n"
        "mbarrier.arrive.shared::cluster.b64 _, [remote];\n"
        "}" ::"r"(barrier), "r"(block)
        : "memory");
}

// Waits until the phase with this parity is over: 0 for the first, 1 for the second, 0 ...
__device__ __forceinline__ void barrier_wait(u32 barrier, int parity) {
    asm volatile(
        "{\n"
        ".reg .pred done;\n"
        "again:\n"
        "mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n"
        "@!done bra again;\n"
        "}" ::"r"(barrier), "r"(parity)
        : "memory");
}

// Copies a box whose first element is (x, y) or (x, y, z) to shared memory.
__device__ __forceinline__ void tma_load(u32 to, const tensor_map* map, u32 barrier, int x, int y) {
    asm volatile(
        "cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%3, %4}], [%2];" ::"r"(to), "l"(map), "r"(barrier), "r"(x), "r"(y)
        : "memory");
}
__device__ __forceinline__ void tma_load(u32 to, const tensor_map* map, u32 barrier, int x, int y,
                                         int z) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes "
        "[%0], [%1, {%3, %4, %5}], [%2];" ::"r"(to), "l"(map), "r"(barrier), "r"(x), "r"(y), "r"(z)
        : "memory");
}
// The same to every block of the cluster whose bit is in the mask, each at its own `to`.
__device__ __forceinline__ void tma_load_all(u32 to, const tensor_map* map, u32 barrier, int x,
                                             int y, int z, u16 blocks) {
    asm volatile(
        "cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes"
        ".multicast::cluster [%0], [%1, {%3, %4, %5}], [%2], %6;" ::"r"(to), "l"(map), "r"(barrier),
        "r"(x), "r"(y), "r"(z), "h"(blocks)
        : "memory");
}
__device__ __forceinline__ void tma_store(const tensor_map* map, u32 from, int x, int y) {
    asm volatile(
        "cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];\n"
        "cp.async.bulk.commit_group;" ::"l"(map), "r"(from), "r"(x), "r"(y)
        : "memory");
}
// Waits until the copy engine has read what this thread's stores send.
__device__ __forceinline__ void tma_store_wait() {
    asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
}
// Makes ordinary writes to shared memory visible to the copy engine.
__device__ __forceinline__ void fence_async() {
    asm volatile("fence.proxy.async.shared::cta;" ::: "memory");
}

__device__ __forceinline__ void cluster_sync() {
    asm volatile("barrier.cluster.arrive.aligned;\nbarrier.cluster.wait.aligned;" ::: "memory");
}
__device__ __forceinline__ int cluster_rank() {
    int rank;
    asm("mov.u32 %0, %%cluster_ctarank;" : "=r"(rank));
    return rank;
}

// Describes a tile to the tensor cores: where it starts, how far apart its slabs are and its groups
// of 8 rows (1024 bytes), and that it is swizzled by 128 bytes. In units of 16 bytes.
// Source: PTX ISA, "asynchronous warpgroup level matrix shared memory layout".
__device__ __forceinline__ u64 descriptor(u32 address, int slab_bytes) {
    return static_cast<u64>((address & 0x3FFFF) >> 4) | static_cast<u64>(slab_bytes >> 4) << 16 |
           static_cast<u64>(1024 >> 4) << 32 | 1ull << 62;
}

__device__ __forceinline__ void wgmma_fence() {
    asm volatile("wgmma.fence.sync.aligned;" ::: "memory");
}
__device__ __forceinline__ void wgmma_commit() {
    asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory");
}
// Waits until at most this many committed groups are unfinished.
template <int left>
__device__ __forceinline__ void wgmma_wait() {
    asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(left) : "memory");
}

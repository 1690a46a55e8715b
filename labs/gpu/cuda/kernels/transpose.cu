// to[c][r] = x[r][c] of an N x N float32 matrix. A tile goes through shared memory, so that both the
// loads and the stores are 16 bytes per lane, side by side along a row. The groups of 4 of a row of
// the turned tile are permuted (XOR), so that its writes, which run down a column, spread over the
// banks.
#ifndef TILE
#define TILE 64
#endif
#define THREADS 256
#define LANES 8  // lanes that share a row: 128 bytes
#define ROWS (THREADS / LANES)

__device__ __forceinline__ int turned(int column, int row) {
    return column * TILE + ((row / 4) ^ (column / 4 % 8)) * 4 + row % 4;
}

extern "C" __global__ void __launch_bounds__(THREADS) transpose(float* to, const float* x) {
    __shared__ float tile[TILE * TILE];
#if DIAGONAL
    int bx = (blockIdx.x + blockIdx.y) % gridDim.x, by = blockIdx.x;
#else
    int bx = blockIdx.x, by = blockIdx.y;
#endif
    int lane = threadIdx.x % LANES, line = threadIdx.x / LANES;
    float4 a[TILE / ROWS][TILE / (LANES * 4)];
#pragma unroll
    for (int i = 0; i < TILE / ROWS; i++)
#pragma unroll
        for (int j = 0; j < TILE / (LANES * 4); j++) {
            size_t row = by * TILE + i * ROWS + line;
            a[i][j] = __ldcs(reinterpret_cast<const float4*>(
                &x[row * N + bx * TILE + (j * LANES + lane) * 4]));
        }
#pragma unroll
    for (int i = 0; i < TILE / ROWS; i++)
#pragma unroll
        for (int j = 0; j < TILE / (LANES * 4); j++) {
            int row = i * ROWS + line, column = (j * LANES + lane) * 4;
            tile[turned(column, row)] = a[i][j].x;
            tile[turned(column + 1, row)] = a[i][j].y;
            tile[turned(column + 2, row)] = a[i][j].z;
            tile[turned(column + 3, row)] = a[i][j].w;
        }
    __syncthreads();
#pragma unroll
    for (int i = 0; i < TILE / ROWS; i++)
#pragma unroll
        for (int j = 0; j < TILE / (LANES * 4); j++) {
            int column = i * ROWS + line, row = (j * LANES + lane) * 4;
            size_t at = static_cast<size_t>(bx * TILE + column) * N + by * TILE + row;
            __stcs(reinterpret_cast<float4*>(&to[at]),
                   *reinterpret_cast<float4*>(&tile[turned(column, row)]));
        }
}

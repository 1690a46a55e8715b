/* What a hand would write for FIR64, and what the processor can do at most: beside the generated
   kernels. LANES is a vector's length; 12 accumulators hide the latency of a multiply-add. */

#define ACCUMULATORS 12
#define TAPS 64
#define TILE (ACCUMULATORS * LANES)

typedef float vector __attribute__((ext_vector_type(LANES), aligned(4)));

static void tile(float *y, const float *x, const float *h) {
  vector sum[ACCUMULATORS];
#pragma unroll
  for (int j = 0; j < ACCUMULATORS; j++) sum[j] = (vector)(0.0f);
  for (int k = 0; k < TAPS; k++) {
    const vector tap = (vector)(h[k]);
#pragma unroll
    for (int j = 0; j < ACCUMULATORS; j++) sum[j] += tap * *(const vector *)(x + k + j * LANES);
  }
#pragma unroll
  for (int j = 0; j < ACCUMULATORS; j++) *(vector *)(y + j * LANES) = sum[j];
}

/* y[i] = sum of h[k] x[i + k], for n >= TILE results */
void fir64(float *y, const float *x, const float *h, long n) {
  for (long i = 0; i + TILE <= n; i += TILE) tile(y + i, x + i, h);
  tile(y + n - TILE, x + n - TILE, h); /* the rest, some of it a second time */
}

/* rounds * TILE multiply-adds that nothing waits for but the one before on the same accumulator */
float multiply_adds(long rounds, float a, float b) {
  vector sum[ACCUMULATORS];
#pragma unroll
  for (int j = 0; j < ACCUMULATORS; j++) sum[j] = (vector)(a + j);
  const vector x = (vector)(a), y = (vector)(b);
  for (long i = 0; i < rounds; i++) {
#pragma unroll
    for (int j = 0; j < ACCUMULATORS; j++) sum[j] = sum[j] * x + y;
  }
  vector all = (vector)(0.0f);
#pragma unroll
  for (int j = 0; j < ACCUMULATORS; j++) all += sum[j];
  return all[0];
}

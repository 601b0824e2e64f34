// One thread a decision: all-in costs of 24 venues x 5 levels, the cheapest units, a record of 1.9 KB.
// The same work as the floor of `venuefold-bench floor-decide`.
#define LEVELS 120
#define WORDS 476
extern "C" __global__ void empty() {}
extern "C" __global__ void sweep(const long long* price, const long long* units,
                                 const long long* fee, unsigned* record, long long* total,
                                 int count) {
  int n = blockIdx.x * blockDim.x + threadIdx.x;
  if (n >= count) return;
  long long cost[LEVELS];
  #pragma unroll 1
  for (int l = 0; l < LEVELS; ++l) {
    cost[l] = price[(long long)l * count + n] + fee[l / 5];
  }
  long long wanted = 1000, sum = 0;
  while (wanted > 0) {
    int best = -1;
    long long least = 0x7fffffffffffffffLL;
    #pragma unroll 1
    for (int l = 0; l < LEVELS; ++l) {
      if (cost[l] < least) { least = cost[l]; best = l; }
    }
    if (best < 0) break;
    long long size = units[(long long)best * count + n];
    long long take = wanted < size ? wanted : size;
    sum += take * least;
    wanted -= take;
    cost[best] = 0x7fffffffffffffffLL;
  }
  total[n] = sum;
  #pragma unroll 1
  for (int w = 0; w < WORDS; ++w) {
    record[(long long)w * count + n] = (unsigned)(sum + w);
  }
}

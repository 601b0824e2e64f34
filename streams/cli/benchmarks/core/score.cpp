// Whether wider vectors would help a decision: its level costs alone, computed three ways.
#include <random>

#include "modes.hpp"

namespace venuefold::bench {
namespace {

// All-in costs of `count` levels. The loop is the same for every width; the order of operations
// within a cost is fixed, so the widths agree to the last bit. Choosing among them is left out: a
// merge of sorted ladders is a chain of comparisons, each waiting for the one before.
struct Levels {
  std::vector<double> price;
  std::vector<double> fee;
  std::vector<double> miss;
  std::vector<double> cost;
};

#define VENUEFOLD_SCORE_BODY                            \
  for (std::size_t n = 0; n < count; ++n) {             \
    out[n] = price[n] + fee[n] + miss[n] * penalty;     \
  }                                                     \
  return out[count - 1];

using Score = double (*)(const double* price, const double* fee, const double* miss, double penalty,
                         double* __restrict out, std::size_t count);

[[gnu::noinline, gnu::optimize("no-tree-vectorize")]] double one_by_one(
    const double* price, const double* fee, const double* miss, double penalty,
    double* __restrict out, std::size_t count) {
  VENUEFOLD_SCORE_BODY
}

[[gnu::noinline]] double two_at_once(const double* price, const double* fee, const double* miss,
                                     double penalty, double* __restrict out, std::size_t count) {
  VENUEFOLD_SCORE_BODY
}

#if defined(__x86_64__)
[[gnu::noinline, gnu::target("avx2")]] double four_at_once(const double* price, const double* fee,
                                                           const double* miss, double penalty,
                                                           double* __restrict out,
                                                           std::size_t count) {
  VENUEFOLD_SCORE_BODY
}
bool has_wide() { return __builtin_cpu_supports("avx2") != 0; }
#else
constexpr Score four_at_once = two_at_once;
bool has_wide() { return false; }
#endif
#undef VENUEFOLD_SCORE_BODY

Levels random_levels(std::size_t count) {
  std::mt19937_64 random(1);
  Levels levels{std::vector<double>(count), std::vector<double>(count), std::vector<double>(count),
                std::vector<double>(count)};
  for (std::size_t n = 0; n < count; ++n) {
    levels.price[n] = static_cast<double>(random() % 1'000 + 10'000);
    levels.fee[n] = static_cast<double>(random() % 45) - 15;
    levels.miss[n] = static_cast<double>(random() % 100) / 100;
  }
  return levels;
}

}  // namespace

void score(std::size_t width, std::size_t decisions, std::size_t count) {
  constexpr std::size_t kLevels = 24 * 5;
  const Score ways[] = {one_by_one, two_at_once, has_wide() ? four_at_once : two_at_once};
  if (width > 2) fail("widths are 0, 1 and 2");
  Levels levels = random_levels(kLevels * decisions);
  Levels check = levels;
  std::vector<double> samples;
  double sum = 0;
  for (std::size_t n = 0; n < count; ++n) {
    const std::int64_t started = now_ns();
    for (std::size_t d = 0; d < decisions; ++d) {
      const std::size_t at = d * kLevels;
      sum += ways[width](&levels.price[at], &levels.fee[at], &levels.miss[at],
                         5.0 + static_cast<double>(n % 3), &levels.cost[at], kLevels);
    }
    samples.push_back(static_cast<double>(now_ns() - started) / static_cast<double>(decisions));
  }
  one_by_one(check.price.data(), check.fee.data(), check.miss.data(),
             5.0 + static_cast<double>((count - 1) % 3), check.cost.data(), check.cost.size());
  if (check.cost != levels.cost || sum == 0) fail("the widths do not agree");
  write_samples(samples);
}

}  // namespace venuefold::bench

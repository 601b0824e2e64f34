#include "arrival.hpp"

#include "shard.hpp"

namespace venuefold {
namespace {

constexpr std::uint64_t kP90 = 90;
constexpr std::int64_t kNsPerUs = 1000;

// One way to a venue in nine of ten cases; what is believed of it before any answer.
std::int64_t p90_ns(const Shard& shard, std::size_t venue) {
  const Histogram& histogram = shard.venues[venue].ack_histogram;
  const std::int64_t both_ns =
      histogram.total() != 0 ? histogram.quantile_ns(kP90) : shard.tables.ack_prior_ns(venue);
  return both_ns / 2;
}

}  // namespace

void equalise(const Shard& shard, const Policy& policy, const Candidates& candidates, Plan& plan) {
  const std::int64_t cap_ns = policy.max_delay_us * kNsPerUs;
  Mask near = 0;
  std::int64_t latest_ns = 0;
  for (std::size_t p = 0; p < plan.count; ++p) {
    const Candidate& candidate = candidates[plan.parts[p].candidate];
    if (p90_ns(shard, candidate.venue) > cap_ns) continue;
    near |= bit(p);
    latest_ns = std::max(latest_ns, candidate.ack_ns / 2);
  }
  for_each_bit(near, [&](std::size_t p) {
    const std::int64_t own_ns = candidates[plan.parts[p].candidate].ack_ns / 2;
    const std::int64_t delay_ns = std::min(latest_ns - own_ns, cap_ns);
    plan.parts[p].send_delay_ns = static_cast<std::uint32_t>(delay_ns - delay_ns % kNsPerUs);
  });
}

}  // namespace venuefold

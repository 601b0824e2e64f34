// Brings what a decision believes of one row to now: as its own children have taught, or as its
// venue is where they have taught nothing.
#pragma once

#include <algorithm>
#include <cstdint>

#include "candidates.hpp"
#include "shard.hpp"

namespace venuefold {

constexpr std::int64_t kAckMaxNs = 0xFFFFFFFF;

// Nanoseconds as the record has them.
inline std::int64_t whole_ack_ns(double ack_ns) {
  constexpr auto most = static_cast<double>(kAckMaxNs);
  if (ack_ns >= 0.0 && ack_ns < most) [[likely]] return static_cast<std::int64_t>(ack_ns);
  return std::min(kAckMaxNs, floor_to_int64(ack_ns));
}

// Fills in chances and latency; the priors have been brought to now, `now_ns` is the row's time.
[[gnu::always_inline]] inline void believe(Shard& shard, Book& book, Candidate& candidate,
                                           std::int64_t now_ns) {
  VenuePrior& prior = shard.venues.priors[candidate.venue];
  ++shard.looks.all;
  if ((book.taught >> candidate.venue & 1) == 0) {
    const Priors& unseen = shard.tables.priors();
    const SizeBelief& sizes = prior.find_untaught(unseen);
    candidate.misses = sizes.misses;
    candidate.fill_ratio = sizes.fill_ratio;
    candidate.ack_ns = whole_ack_ns((0.0 + prior.ack_added_ns) / (0.0 + unseen.ack_weight));
    return;
  }
  Terms& terms = *candidate.terms;
  Belief& belief = terms.belief;
  if (!belief.knows_sizes(now_ns, prior.lent.share)) {
    ++shard.looks.sizes_found;
    belief.find_sizes(terms, now_ns, prior.lent, shard.tables);
  }
  if (!belief.knows_ack(now_ns)) {
    ++shard.looks.acks_found;
    belief.find_ack(terms, now_ns, shard.tables);
    book.forgotten &= ~(std::uint64_t{1} << candidate.venue);
  }
  candidate.misses = belief.sizes.misses;
  candidate.fill_ratio = belief.sizes.fill_ratio;
  candidate.ack_ns = whole_ack_ns((belief.ack_total + prior.ack_added_ns) / belief.ack_weight);
}

}  // namespace venuefold

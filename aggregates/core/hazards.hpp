// How soon children that rest at a venue are filled: hazards by exposure time and queue.
//
// Every unit of a resting child is at risk from the venue's acknowledgement on. Its exposure counts
// as it passes, by how long the child has rested and by what was displayed ahead of it when it was
// sent, in session time. A fill is an event of the filled share; a cancel, ours or not, censors,
// and what is still open is no failure. The hazard of a bucket is its events by its exposure, and
// P(fill by t) = 1 - exp(-cumulative hazard), where the exponential is read from the decay table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include "decay.hpp"
#include "schemas/core/layout.hpp"
#include "state.hpp"

namespace venuefold {

struct Child;
struct Shard;

constexpr std::size_t kHazardBuckets = 4;
constexpr std::size_t kHazardCells = kHazardBuckets * kHazardBuckets;

// A probability of being filled, its standard error and its effective number of children.
struct Passive {
  double probability;
  double error;
  double effective;
};

// Decayed sums of a row, or of a venue over all instruments, as of session time `then_ns`. By queue
// bucket: children that began to rest. By queue and exposure bucket: exposure in ns, weighted with
// the share of a child that was left, filled shares, and squares of those. As the state has them.
struct Hazard {
  std::int64_t then_ns = 0;
  double children[kHazardBuckets] = {};
  double exposure_ns[kHazardCells] = {};
  double events[kHazardCells] = {};
  double squares[kHazardCells] = {};

  // Brings the sums to `now_ns`.
  void fade(std::int64_t now_ns, const Grid& fill);
  // A child begins to rest; its first nanosecond counts, so no event is without exposure.
  void enter(std::size_t queue) {
    children[queue] += 1.0;
    exposure_ns[queue * kHazardBuckets] += 1.0;
  }
  // A share of a child that rested from one age to another.
  void expose(std::size_t queue, std::int64_t from_ns, std::int64_t to_ns, double share);
  // A share of a child was filled in a queue and at an age.
  void event(std::size_t cell, double share);
  // P(filled by the horizon), its variance (not the error), children behind it as of now.
  Passive read(std::size_t queue, std::int64_t horizon_ns, std::int64_t now_ns,
               const Grid& fill) const;
};
static_assert(sizeof(Hazard) == 8 + 8 * (kHazardBuckets + 3 * kHazardCells));

// By instrument, or none for a venue as a whole, and venue.
using HazardKey = std::pair<std::uint32_t, std::uint32_t>;
using Hazards = std::map<HazardKey, Hazard>;

namespace hazards {

// Queue bucket of a size that is displayed ahead.
std::uint8_t queue_bucket(std::int64_t ahead_units, std::int64_t round_lot_units);
// What is displayed at a price or better on its own side, which an order there queues behind.
std::int64_t units_ahead(const Shard& shard, std::uint32_t instrument, std::uint8_t venue,
                         std::size_t side, std::int64_t limit_nanos);
// P(a unit that rests at a venue in a queue bucket is filled within `horizon_ns`), shrunk from the
// row to its venue and from there to the prior of the venue's kind.
Passive passive_fill(const Shard& shard, std::uint32_t instrument, std::uint8_t venue,
                     std::size_t queue, std::int64_t horizon_ns);
// Remembers the queue that a child is sent to the end of.
void place(const Shard& shard, Child& child);
// Counts what a child at rest has been exposed to since it was last looked at.
void observe(Shard& shard, Child& child);
// What a report that has been booked means for a child that may rest in a book.
void observe_report(Shard& shard, Child& child, const ExecReport& report);
// A fill at rest that is no more, or of another size: its event is taken back, or changed.
void retract(Shard& shard, const Child& child, const state::Trade& old,
             const state::Trade& changed);

}  // namespace hazards
}  // namespace venuefold

// What rows look like at the open: their history of the same time of day.
//
// A row keeps, for up to two times of day at which its venue opens, what it looked like one window
// after the open, averaged over days that fade; at the next open at that time of day its sums start
// there instead of at yesterday's close. A halt changes nothing.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "moments.hpp"
#include "quality.hpp"

namespace venuefold {

struct Shard;

constexpr std::int64_t kDayNs = 86'400 * std::int64_t{1'000'000'000};
constexpr std::size_t kOpeningSlots = 2;

// Sums of one row's moments, as the state has them.
struct OpeningMoments {
  double weight;
  double weight_squares;
  double total;
  double squares;
  double jumps;
  double last;
};

// Sums of one row after the opens at one time of day, over `days` that fade; as the state has them.
struct Opening {
  std::int64_t slot_ns = 0;
  std::int64_t then_ns = 0;
  double days = 0.0;
  double sums[TIME_SUMS] = {};
  OpeningMoments delay{};
  OpeningMoments fill{};
  OpeningMoments ack{};
};
static_assert(sizeof(Opening) == 24 + 8 * TIME_SUMS + 3 * sizeof(OpeningMoments));

// By instrument and venue.
using Openings = std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<Opening>>;

namespace openings {

// Follows a whole venue's status after its clocks: at the open of a session rows start anew.
void turn(Shard& shard, std::uint8_t venue, std::uint8_t code);
// One window after the open: adds what the venue's rows look like now to their history.
void keep(Shard& shard, std::uint64_t venue);

}  // namespace openings
}  // namespace venuefold

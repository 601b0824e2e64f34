// Canonical encoding of quality: rows, moments, venues. The layouts mirror
// aggregates/state_quality.py.
#pragma once

#include "evidence.hpp"
#include "health.hpp"
#include "quality.hpp"

namespace venuefold {

class Books;

namespace state {

struct Moments {
  std::int64_t then_ns;
  double weight;
  double weight_squares;
  double total;
  double squares;
  double jumps;
  double last;
};
static_assert(sizeof(Moments) == 56);

struct FeePair {
  std::int64_t fixed_nanos;
  std::int64_t rate_e9;
};

struct LevelPair {
  std::int64_t bid_nanos;
  std::int64_t bid_units;
  std::int64_t ask_nanos;
  std::int64_t ask_units;
};

// Of the moments: delay, fill, ack; the event measures; and the markouts by kind and horizon.
constexpr std::size_t kRowMoments = 11 + 4 * kHorizons;

struct Fees {
  std::uint64_t lines;
  std::uint64_t billings;
};

struct Row {
  std::uint8_t listed;
  std::uint8_t status;
  std::uint8_t modelled;
  std::uint8_t dirty;
  std::uint8_t dirty_execution;
  char reserved[3];
  std::uint64_t fee_known;
  std::int64_t tick_nanos;
  std::int64_t lot_units;
  std::int64_t min_units;
  std::int64_t ticket_nanos;
  FeePair fees[kLiquidityCodes];
  std::int64_t quote_ns;
  std::uint64_t quote_seq;
  std::int64_t in_flight[2];
  std::int64_t unreflected[2];
  std::int64_t near_units[2];
  std::int64_t depleted_nanos[2];
  std::int64_t depleted_ns[2];
  std::uint64_t quotes;
  std::uint64_t trades;
  std::uint64_t fills;
  SessionClock session;
  std::int64_t then_ns;
  double sums[TIME_SUMS];
  std::int64_t delay_min_ns;
  std::int64_t delay_before_ns;
  std::int64_t delay_p90_ns;
  std::int64_t survival_then_ns;
  double trials[kSurvivalSizes];
  double success[kSurvivalSizes];
  std::uint64_t fee_mismatches;
  std::int64_t fee_expected_nanos;
  std::int64_t fee_charged_nanos;
  LevelPair levels[kMaxLevels];
  Moments moments[kRowMoments];
};
static_assert(sizeof(Row) == 920 + 56 * kRowMoments);

struct Venue {
  SessionClock session;
  std::int64_t since_ns;
  std::int64_t quote_ns;
  std::int64_t opened_ns;
  std::int64_t probe_due_ns;
  std::uint64_t probes;
  std::uint64_t rejects_in_row;
  std::uint64_t timeouts_in_row;
  std::uint64_t cancel_timeouts_in_row;
  std::uint64_t drops[kVenueDrops];
  std::uint64_t clean;
  std::uint64_t clean_needed;
  std::uint64_t relapses;
  std::uint8_t health;
  std::uint8_t changed;
  std::uint8_t dirty;
  std::uint8_t closed;
  char reserved[4];
  Moments ack;
  Moments fill;
  Moments reject;
  Moments gap;
  Histogram::Counts feeds[kAssetClasses];
  Histogram::Counts acks;
  Histogram::Counts fills;
};
static_assert(sizeof(Venue) == 176 + 4 * 56 + (kAssetClasses + 2) * 960 * 4);

Moments encode(const venuefold::Moments& moments);
Row encode_row(const Books& books, std::size_t instrument, std::size_t venue);
Venue encode_venue(const VenueQualities& venues, std::size_t venue);

// Each takes the bytes over and says whether they can be believed.
bool decode(const Moments& record, venuefold::Moments& moments);
bool decode_row(const Row& record, Books& books, std::size_t instrument, std::size_t venue);
bool decode_venue(const Venue& record, VenueQualities& venues, std::size_t venue);

}  // namespace state
}  // namespace venuefold

// Venue books of one instrument behind a stream that names only the best venue of each side.
//
// What is known: the named venue's side (price, size), and prints with their venue. The rest is
// modelled, from past rows only:
// - a venue that loses the name keeps its quote while that is not better than the new best;
//   otherwise it steps back behind the best, with its usual size;
// - a quote that falls more than `max_lag_ticks` behind follows the best at that distance;
// - a regular print at a venue that is not named, at or beyond the best, shows a quote there; it
//   takes from the quote if one stood at that price, and a quote used up steps back;
// - the usual size is the median of the venue's own last sizes while named, else a round lot;
// - a modelled quote never crosses or locks the best of the other side.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "schemas/core/layout.hpp"

namespace venuefold {

struct BookSettings {
  std::uint32_t instrument;
  int venues;
  std::int64_t tick_nanos;
  std::int64_t step_back_ticks;
  std::int64_t max_lag_ticks;
  std::size_t size_memory;
  std::int64_t round_lot_units;
};

// Rows of the two inputs, as they lie in the caller's int64 arrays. A venue of -1: no quote.
struct BestRow {
  std::int64_t log_ns, bid_nanos, bid_units, bid_venue, ask_nanos, ask_units, ask_venue;
};
struct PrintRow {
  std::int64_t log_ns, price_nanos, units, venue;
};

// The last sizes a venue showed on one side while it was named.
class UsualSize {
 public:
  void add(std::int64_t units, std::size_t memory);
  std::int64_t median(std::int64_t otherwise) const;

 private:
  std::vector<std::int64_t> sizes_;
  std::size_t next_ = 0;
};

class NbboBooks {
 public:
  explicit NbboBooks(const BookSettings& settings);
  void on_best(const BestRow& row);
  void on_print(const PrintRow& row);
  void close(std::int64_t log_ns);
  std::vector<Quote> take_quotes();

 private:
  struct Level {
    std::int64_t nanos = 0;
    std::int64_t units = 0;
    bool is_modelled = false;
    bool operator==(const Level&) const = default;
  };
  struct Best {
    std::int64_t nanos = 0;
    std::int64_t units = 0;
    std::int64_t venue = -1;
    bool operator==(const Best&) const = default;
  };
  struct VenueBook {
    Level level[2];
    UsualSize usual[2];
    bool is_changed = false;
  };

  void set(VenueBook& book, int side, const Level& level);
  void name_best(int side, const Best& best);
  void model_others(int side);
  void place_behind(VenueBook& book, int side, std::int64_t nanos, std::int64_t ticks);
  std::int64_t nearest_modelled(int side) const;
  void emit_changed(std::int64_t log_ns);

  BookSettings settings_;
  std::vector<VenueBook> books_;
  Best best_[2];
  std::vector<Quote> quotes_;
};

// All quotes of one instrument and day. At equal time prints come before best rows.
std::vector<Quote> model_books(const BookSettings& settings, const BestRow* best,
                               std::size_t best_count, const PrintRow* prints,
                               std::size_t print_count);

}  // namespace venuefold

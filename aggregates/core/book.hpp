// Books of all instruments over all venues: levels, displayed best, and who stands at it.
//
// Rows lie instrument by instrument at a fixed stride, so that a record's row is one
// multiplication away; the tops lie side by side in their book for the scan of the best.
#pragma once

#include <bit>
#include <cstddef>
#include <deque>
#include <vector>

#include "evidence.hpp"
#include "huge_pages.hpp"
#include "quality.hpp"

namespace venuefold {

// One instrument. Side index: 0 bid, 1 ask. Masks have a bit for each dense venue id.
struct alignas(64) Book {
  std::int64_t best_nanos[2] = {0, 0};
  std::uint64_t at_best[2] = {0, 0};
  std::uint64_t dirty = 0;
  // Rows that are modelled or hold fills which no quote reflects yet: a tick seldom meets one.
  std::uint64_t special = 0;
  // Twice the last valid mid, and when it was.
  std::int64_t mid_x2 = 0;
  std::int64_t mid_ns = 0;
  std::uint64_t modelled = 0;
  std::uint64_t unreflected = 0;
  std::uint64_t listed = 0;
  // Venues where the instrument itself trades.
  std::uint64_t open = ~std::uint64_t{0};
  // Venues whose taker's fee the instrument's own row knows.
  std::uint64_t take_known = 0;
  // Venues whose row has been taught something: a decision believes the others as their venues.
  std::uint64_t taught = 0;
  // Of those, whose answering times were taught since a decision last believed them.
  std::uint64_t forgotten = 0;
  std::uint64_t dirty_execution = 0;
  // Of our last fill.
  std::int64_t fill_ns = -1;
  std::uint32_t open_children = 0;
  // As histograms tell classes apart: below kAssetClasses.
  std::uint8_t asset_class = 0;
  std::uint8_t killed = 0;  // switches that are engaged, as of a venue
  bool has_limits = false;
  // Bid and ask of a venue side by side, since a tick changes both.
  alignas(64) std::int64_t top_nanos[kMaxVenues][2] = {};
  Moments drift[kHorizons];
  Instrument record{};
  Limits limits{};

  // Takes over a validated record.
  void describe(const Instrument& told) {
    record = told;
    asset_class = told.asset_class < kAssetClasses ? told.asset_class : std::uint8_t{0};
  }
};

// Rows are met in any order: in huge pages the processor finds them by itself.
template <class Row>
using Rows = std::vector<Row, HugePages<Row>>;

// Cache lines of a row that a tick may change: the last two only where a touch is back, which one
// tick in three says; to wait for them then costs more than to ask in vain.
constexpr std::size_t kTickLines = sizeof(Tick) / 64;

struct Now {
  std::int64_t ns;
  Pace& liquidity;
  // How far venues may be crossed against each other for the midpoint to count.
  std::int64_t mid_crossed_e9;
};

class Books {
 public:
  std::size_t size() const { return instruments_; }
  Book& operator[](std::size_t instrument) { return books_[instrument]; }
  const Book& operator[](std::size_t instrument) const { return books_[instrument]; }

  Tick& tick(std::size_t instrument, std::size_t venue) { return ticks_[at(instrument, venue)]; }
  Terms& terms(std::size_t instrument, std::size_t venue) { return terms_[at(instrument, venue)]; }
  Deep& deep(std::size_t instrument, std::size_t venue) { return deep_[at(instrument, venue)]; }
  // What is known of a row's children, to be added to; made at the first of them.
  Evidence& teach(std::size_t instrument, std::size_t venue) {
    std::uint32_t& place = evidence_place_[at(instrument, venue)];
    if (place == 0) [[unlikely]] {
      evidence_.emplace_back();
      place = static_cast<std::uint32_t>(evidence_.size());
      books_[instrument].taught |= std::uint64_t{1} << venue;
    }
    return evidence_[place - 1];
  }
  Contract& contract(std::size_t instrument, std::size_t venue) {
    return contracts_[at(instrument, venue)];
  }
  const Tick& tick(std::size_t instrument, std::size_t venue) const {
    return ticks_[at(instrument, venue)];
  }
  const Terms& terms(std::size_t instrument, std::size_t venue) const {
    return terms_[at(instrument, venue)];
  }
  const Deep& deep(std::size_t instrument, std::size_t venue) const {
    return deep_[at(instrument, venue)];
  }
  // The same, to be read; nothing is known of a row without children.
  const Evidence& evidence(std::size_t instrument, std::size_t venue) const {
    static const Evidence nothing;
    const std::uint32_t place = evidence_place_[at(instrument, venue)];
    return place != 0 ? evidence_[place - 1] : nothing;
  }
  const Contract& contract(std::size_t instrument, std::size_t venue) const {
    return contracts_[at(instrument, venue)];
  }

  // One instrument's rows by venue.
  struct Ladder {
    Tick* ticks;
    Terms* terms;
    Deep* deep;
  };
  Ladder rows(std::size_t instrument) {
    const std::size_t first = instrument * stride_;
    return {&ticks_[first], &terms_[first], &deep_[first]};
  }

  void add_instrument();
  void add_venue();

  // Changes a venue's top of book and settles the time at best of all it touches.
  void set_touch(std::size_t instrument, std::size_t venue, Level bid, Level ask, Now now) {
    set_touch(books_[instrument], tick(instrument, venue), instrument, venue, bid, ask, now);
  }
  template <unsigned Families = ALL_FAMILIES>
  [[gnu::always_inline]] void set_touch(Book& book, Tick& row, std::size_t instrument,
                                        std::size_t venue, Level bid, Level ask, Now now);
  // Changes a level behind the touch.
  void set_deep(std::size_t instrument, std::size_t venue, std::size_t level, Level bid, Level ask,
                Now now) {
    advance_row(instrument, venue, now);
    store_deep(instrument, venue, level, bid, ask);
  }
  // Stores both sides of a level behind the touch.
  void store_deep(std::size_t instrument, std::size_t venue, std::size_t level, Level bid,
                  Level ask) {
    Deep& deep = deep_[at(instrument, venue)];
    deep.level(0, level) = bid;
    deep.level(1, level) = ask;
    tick(instrument, venue).forget_near();
  }
  // Sums again what is displayed within `ticks` ticks of the touch, where that may have changed.
  void measure_near(std::size_t instrument, std::size_t venue, Tick& row, std::int64_t ticks) {
    const Sides unknown = row.find_near();
    if ((unknown[0] | unknown[1]) == 0) [[likely]] return;
    if (unknown[0] != 0) sum_near(instrument, venue, 0, ticks);
    if (unknown[1] != 0) sum_near(instrument, venue, 1, ticks);
  }
  // What is near has to be summed again at the next quote.
  void forget_near() {
    for (Tick& row : ticks_) row.forget_near();
  }
  // The steps of the rows' times, after the grids have changed.
  void find_steps(const Grids& grids);
  // Whether a top-of-book quote was modelled; whether fills wait for a quote that reflects them.
  void mark(std::size_t instrument, std::size_t venue, bool modelled, bool unreflected) {
    Book& book = books_[instrument];
    const std::uint64_t bit = std::uint64_t{1} << venue;
    book.modelled = modelled ? book.modelled | bit : book.modelled & ~bit;
    book.unreflected = unreflected ? book.unreflected | bit : book.unreflected & ~bit;
    book.special = book.modelled | book.unreflected;
  }
  void add_unreflected(std::size_t instrument, std::size_t venue, std::size_t side,
                       std::int64_t units) {
    std::int64_t& sum = terms(instrument, venue).unreflected[side];
    sum = std::min(kUnreflectedMax, sum + units);
    mark(instrument, venue, books_[instrument].modelled >> venue & 1, true);
  }
  // Trading state of an instrument at a venue.
  void set_status(std::size_t instrument, std::size_t venue, std::uint8_t status) {
    terms(instrument, venue).status = status;
    Book& book = books_[instrument];
    const std::uint64_t bit = std::uint64_t{1} << venue;
    const bool open = status == number(VenueStatus::OPEN);
    book.open = open ? book.open | bit : book.open & ~bit;
  }
  // Starts or stops a row's clock.
  void turn(std::size_t instrument, std::size_t venue, bool running, std::int64_t now_ns) {
    tick(instrument, venue).clock.turn(running, now_ns, terms(instrument, venue).paused_ns);
  }
  // Says of which liquidity codes the fee is known.
  void set_fee_known(std::size_t instrument, std::size_t venue, std::uint8_t codes) {
    terms(instrument, venue).fee_known = codes;
    std::uint64_t& known = books_[instrument].take_known;
    const std::uint64_t bit = std::uint64_t{1} << venue;
    known = (codes >> number(Liquidity::TAKE) & 1) != 0 ? known | bit : known & ~bit;
  }
  // Takes over a validated fee.
  void set_fee(std::size_t instrument, std::size_t venue, std::uint8_t liquidity,
               std::int64_t fixed_nanos, std::int64_t rate_e9);
  // Brings a row's time-weighted measures to `now`.
  void advance_row(std::size_t instrument, std::size_t venue, Now now);
  // Empties a venue's book, as when it stops trading.
  void clear(std::size_t instrument, std::size_t venue, Now now);
  // Finds the best again from the rows' touches, after a restore.
  void rebuild_best(std::size_t instrument);

  // A row was taught: what was believed of it does not stand.
  void forget_belief(std::size_t instrument, std::size_t venue) {
    terms(instrument, venue).belief.forget();
    books_[instrument].forgotten |= std::uint64_t{1} << venue;
  }
  void forget_beliefs() {
    for (Terms& row : terms_) row.belief.forget();
  }

  // Asks for the cache lines that a quote will change; any ids will do. Inlined: the compiler
  // leaves out a call of what only asks for memory, as one without effect.
  [[gnu::always_inline]] void prefetch_tick(std::size_t instrument, std::size_t venue) const;
  // Asks for what a report about a child changes of its row; any ids will do.
  void prefetch_report(std::size_t instrument, std::size_t venue) const;
  // Asks for what a markout of one horizon changes.
  void prefetch_markout(std::size_t instrument, std::size_t venue, std::size_t horizon) const;
  // Asks for what a decision on one side of the book reads: what stands there and its terms, and
  // then what is believed of it. Fewer lines at once leave room for what is needed before.
  void prefetch_offers(std::size_t instrument, std::size_t side) const;
  void prefetch_beliefs(std::size_t instrument) const;

 private:
  std::size_t instruments_ = 0;
  std::size_t venues_ = 0;
  std::size_t stride_ = 0;
  std::vector<Book> books_;
  Rows<Tick> ticks_;
  Rows<Terms> terms_;
  Rows<Deep> deep_;
  // Only of rows that have had children; a place is 1 + the index, 0 = none.
  std::deque<Evidence> evidence_;
  std::vector<std::uint32_t> evidence_place_;
  std::vector<Contract> contracts_;

  std::size_t at(std::size_t instrument, std::size_t venue) const {
    return instrument * stride_ + venue;
  }
  void scan_best(Book& book, std::size_t side) const;
  void sum_near(std::size_t instrument, std::size_t venue, std::size_t side, std::int64_t ticks);
  void change_top(Book& book, std::size_t side, std::size_t venue, std::int64_t nanos);
  // Settles the time at best of venues for which that changes.
  void settle_best(std::size_t instrument, std::uint64_t venues, std::uint64_t at_bid,
                   std::uint64_t at_ask, Now now);
};

// Counts what was back after so many ns, by side; 0 where nothing was.
void observe_refills(Tick& row, const Sides& refills_ns, std::int64_t session_ns,
                     const Grid& grid);

// An empty side keeps no price.
inline Level level_of(std::int64_t nanos, std::int64_t units) {
  return {units != 0 ? nanos : 0, units};
}

[[gnu::always_inline]] inline void Books::change_top(Book& book, std::size_t side,
                                                     std::size_t venue, std::int64_t nanos) {
  book.top_nanos[venue][side] = nanos;
  const std::int64_t best = book.best_nanos[side];
  const std::uint64_t at_best = book.at_best[side];
  if (nanos != 0 && (best == 0 || is_worse(side, best, nanos))) [[unlikely]] {
    book.best_nanos[side] = nanos;
    book.at_best[side] = std::uint64_t{1} << venue;
    return;
  }
  const std::uint64_t others = at_best & ~(std::uint64_t{1} << venue);
  const auto joins = static_cast<std::uint64_t>((nanos == best) & (nanos != 0));
  const std::uint64_t after = others | joins << venue;
  book.at_best[side] = after;
  // Only the last one to leave the best makes another price the best.
  if (after == 0 && at_best != 0) [[unlikely]] scan_best(book, side);
}

inline void Books::advance_row(std::size_t instrument, std::size_t venue, Now now) {
  const Book& book = books_[instrument];
  Tick& row = tick(instrument, venue);
  const std::int64_t session_ns = row.clock.at(now.ns);
  advance(row, session_ns, now.liquidity.step(session_ns), book.at_best[0] >> venue & 1,
          book.at_best[1] >> venue & 1);
}

// Whether a crossed or locked best is close enough for its midpoint to count.
inline bool is_near_crossed(std::int64_t bid, std::int64_t ask, Now now) {
  return now.mid_crossed_e9 != 0 && ask != 0 && bid - ask <= scale_e9(ask, now.mid_crossed_e9);
}

// Counts the refills that a change of the touch completes.
[[gnu::always_inline]] inline void follow_touch(Tick& row, Level bid, Level ask,
                                                std::int64_t session_ns, const Grid& grid) {
  const std::int64_t patience_ns = grid.quantum_ns() * kSteps;
  const Sides refills_ns =
      observe_touch(row, Sides{bid.nanos, ask.nanos}, session_ns, patience_ns);
  if ((refills_ns[0] | refills_ns[1]) != 0) [[unlikely]] {
    observe_refills(row, refills_ns, session_ns, grid);
  }
}

template <unsigned Families>
[[gnu::always_inline]] inline void Books::set_touch(Book& book, Tick& row,
                                                    std::size_t instrument, std::size_t venue,
                                                    Level bid, Level ask, Now now) {
  const std::uint64_t at_bid = book.at_best[0];
  const std::uint64_t at_ask = book.at_best[1];
  const std::int64_t session_ns = row.clock.at(now.ns);
  const bool runs = row.clock.is_running();
  if constexpr ((Families & TIMES) != 0) {
    Change change;
    if constexpr ((Families & JUMPS) != 0) {
      if (runs) [[likely]] change = change_of(row.touch, bid, ask);
    }
    advance(row, session_ns, now.liquidity.step(session_ns), at_bid >> venue & 1,
            at_ask >> venue & 1, change);
  }
  if constexpr ((Families & REFILLS) != 0) {
    if (runs) [[likely]] follow_touch(row, bid, ask, session_ns, now.liquidity.grid());
  }
  row.touch[0] = bid;
  row.touch[1] = ask;
  change_top(book, 0, venue, bid.nanos);
  change_top(book, 1, venue, ask.nanos);
  const std::int64_t best_bid = book.best_nanos[0];
  const std::int64_t best_ask = book.best_nanos[1];
  if (0 < best_bid && (best_bid < best_ask || is_near_crossed(best_bid, best_ask, now))) {
    book.mid_x2 = best_bid + best_ask;
    book.mid_ns = now.ns;
  }
  std::uint64_t changed = (book.at_best[0] ^ at_bid) | (book.at_best[1] ^ at_ask);
  changed &= ~(std::uint64_t{1} << venue);
  if constexpr ((Families & TIMES) == 0) return;
  if (changed != 0) [[unlikely]] settle_best(instrument, changed, at_bid, at_ask, now);
}

[[gnu::always_inline]] inline void Books::prefetch_tick(std::size_t instrument,
                                                        std::size_t venue) const {
  if (instrument >= instruments_ || venue >= venues_) return;
  const char* row = reinterpret_cast<const char*>(&ticks_[at(instrument, venue)]);
  const Book& book = books_[instrument];
  for (std::size_t line = 0; line < kTickLines; ++line) __builtin_prefetch(row + 64 * line, 1);
  __builtin_prefetch(&book, 1);
  __builtin_prefetch(book.top_nanos[venue], 1);
}

}  // namespace venuefold

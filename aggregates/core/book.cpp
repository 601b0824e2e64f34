#include "book.hpp"

namespace venuefold {
namespace {

constexpr std::size_t kStrideStep = 2;

// Moves rows that lie `before` apart to places `after` apart.
template <class List>
void restride(List& rows, std::size_t instruments, std::size_t before,
              std::size_t after) {
  List wider(instruments * after);
  for (std::size_t instrument = 0; instrument < instruments; ++instrument) {
    for (std::size_t venue = 0; venue < before; ++venue) {
      wider[instrument * after + venue] = rows[instrument * before + venue];
    }
  }
  rows = std::move(wider);
}

// Asks for the cache lines of some bytes of a thing; Writes is 1 for those that will be written.
template <int Writes, class Thing>
void prefetch_lines(const Thing* thing, std::size_t from, std::size_t to) {
  const char* const bytes = reinterpret_cast<const char*>(thing);
  for (std::size_t at = from; at < to; at += 64) __builtin_prefetch(bytes + at, Writes);
  __builtin_prefetch(bytes + to - 1, Writes);
}

}  // namespace

void Books::add_instrument() {
  books_.emplace_back();
  ++instruments_;
  ticks_.resize(instruments_ * stride_);
  terms_.resize(instruments_ * stride_);
  deep_.resize(instruments_ * stride_);
  evidence_place_.resize(instruments_ * stride_);
  contracts_.resize(instruments_ * stride_);
}

void Books::add_venue() {
  if (++venues_ <= stride_) return;
  const std::size_t wider = stride_ + kStrideStep;
  restride(ticks_, instruments_, stride_, wider);
  restride(terms_, instruments_, stride_, wider);
  restride(deep_, instruments_, stride_, wider);
  restride(evidence_place_, instruments_, stride_, wider);
  restride(contracts_, instruments_, stride_, wider);
  stride_ = wider;
}

void Books::clear(std::size_t instrument, std::size_t venue, Now now) {
  set_touch(instrument, venue, {}, {}, now);
  deep(instrument, venue) = Deep{};
  Tick& row = tick(instrument, venue);
  row.deep_units[0] = row.deep_units[1] = 0;
  row.forget_near();
  books_[instrument].dirty |= std::uint64_t{1} << venue;
}

// With what else the same levels are near: prices at which no level behind the touch comes near or
// ceases to be.
void Books::sum_near(std::size_t instrument, std::size_t venue, std::size_t side,
                     std::int64_t ticks) {
  Tick& row = tick(instrument, venue);
  const Level touch = row.touch[side];
  if (touch.units == 0) {
    row.keep_near(side, 0, 0, 0);
    return;
  }
  const std::int64_t reach_nanos = ticks * terms(instrument, venue).tick_nanos;
  const Deep& behind = deep(instrument, venue);
  std::int64_t low = 1;
  std::int64_t high = kMaxPriceNanos;
  std::int64_t units = 0;
  for (std::size_t index = 1; index < kMaxLevels; ++index) {
    const Level& level = behind.level(side, index);
    if (level.units == 0) break;
    if (level.nanos - touch.nanos > reach_nanos) {
      high = std::min(high, level.nanos - reach_nanos - 1);
      break;
    }
    if (touch.nanos - level.nanos > reach_nanos) {
      low = std::max(low, level.nanos + reach_nanos + 1);
      break;
    }
    units += level.units;
    low = std::max(low, level.nanos - reach_nanos);
    high = std::min(high, level.nanos + reach_nanos);
  }
  row.keep_near(side, low, high, units);
}

void Books::find_steps(const Grids& grids) {
  for (Tick& row : ticks_) {
    row.then_step = grids.liquidity.step(row.then_ns);
    row.delay_step = grids.speed.step(row.delay.then_ns);
  }
}

void observe_refills(Tick& row, const Sides& refills_ns, std::int64_t session_ns,
                     const Grid& grid) {
  for (std::size_t side = 0; side < 2; ++side) {
    if (refills_ns[side] == 0) continue;
    row.refill_ns[side].observe(static_cast<double>(refills_ns[side]), session_ns, grid);
  }
}

[[gnu::noinline]] void Books::settle_best(std::size_t instrument, std::uint64_t venues,
                                          std::uint64_t at_bid, std::uint64_t at_ask, Now now) {
  for (; venues != 0; venues &= venues - 1) {
    const auto venue = static_cast<std::size_t>(std::countr_zero(venues));
    Tick& row = tick(instrument, venue);
    const std::int64_t session_ns = row.clock.at(now.ns);
    advance(row, session_ns, now.liquidity.step(session_ns), at_bid >> venue & 1,
            at_ask >> venue & 1);
  }
}

void Books::set_fee(std::size_t instrument, std::size_t venue, std::uint8_t liquidity,
                    std::int64_t fixed_nanos, std::int64_t rate_e9) {
  Contract& contract = contracts_[at(instrument, venue)];
  Terms& terms = terms_[at(instrument, venue)];
  contract.fee_fixed_nanos[liquidity] = fixed_nanos;
  contract.fee_rate_e9[liquidity] = rate_e9;
  set_fee_known(instrument, venue, static_cast<std::uint8_t>(terms.fee_known | 1 << liquidity));
  if (liquidity != number(Liquidity::TAKE)) return;
  // The one that decisions read lies with what else they read.
  terms.take_fixed_nanos = fixed_nanos;
  terms.take_rate_e9 = rate_e9;
}

[[gnu::noinline]] void Books::scan_best(Book& book, std::size_t side) const {
  std::int64_t best = 0;
  for (std::size_t venue = 0; venue < venues_; ++venue) {
    const std::int64_t top = book.top_nanos[venue][side];
    if (top == 0) continue;
    if (best == 0 || (side == 0 ? top > best : top < best)) best = top;
  }
  std::uint64_t at_best = 0;
  for (std::size_t venue = 0; best != 0 && venue < venues_; ++venue) {
    at_best |= std::uint64_t{book.top_nanos[venue][side] == best} << venue;
  }
  book.best_nanos[side] = best;
  book.at_best[side] = at_best;
}

void Books::rebuild_best(std::size_t instrument) {
  Book& book = books_[instrument];
  for (std::size_t side = 0; side < 2; ++side) {
    for (std::size_t venue = 0; venue < venues_; ++venue) {
      book.top_nanos[venue][side] = tick(instrument, venue).touch[side].nanos;
    }
    scan_best(book, side);
  }
}

void Books::prefetch_report(std::size_t instrument, std::size_t venue) const {
  if (instrument >= instruments_ || venue >= venues_) return;
  const std::size_t row = at(instrument, venue);
  prefetch_lines<1>(&terms_[row], 0, sizeof(Terms));
  prefetch_lines<0>(&ticks_[row], 0, sizeof(Level));
  prefetch_lines<0>(&contracts_[row], 0, sizeof(Contract));
  const std::uint32_t place = evidence_place_[row];
  if (place == 0) return;
  const Evidence& known = evidence_[place - 1];
  prefetch_lines<1>(&known, 0, offsetof(Evidence, added));
  prefetch_lines<1>(&known, offsetof(Evidence, fee_mismatches), sizeof(Evidence));
}

void Books::prefetch_markout(std::size_t instrument, std::size_t venue,
                             std::size_t horizon) const {
  __builtin_prefetch(&books_[instrument], 1);
  if (venue >= venues_) return;
  const std::size_t row = at(instrument, venue);
  __builtin_prefetch(&ticks_[row]);
  const std::uint32_t place = evidence_place_[row];
  if (place == 0) return;
  const std::size_t from = offsetof(Evidence, removed) + horizon * sizeof(Moments);
  prefetch_lines<1>(&evidence_[place - 1], from, from + sizeof(Moments));
}

void Books::prefetch_offers(std::size_t instrument, std::size_t side) const {
  const Book& book = books_[instrument];
  __builtin_prefetch(&book.record);
  __builtin_prefetch(&book.limits);
  const std::size_t first = at(instrument, 0);
  for (std::uint64_t venues = book.listed; venues != 0; venues &= venues - 1) {
    const auto venue = static_cast<std::size_t>(std::countr_zero(venues));
    __builtin_prefetch(&ticks_[first + venue]);
    __builtin_prefetch(deep_[first + venue].near[side]);
    __builtin_prefetch(&terms_[first + venue], 1);
  }
}

void Books::prefetch_beliefs(std::size_t instrument) const {
  const Book& book = books_[instrument];
  const std::size_t first = at(instrument, 0);
  for (std::uint64_t venues = book.taught; venues != 0; venues &= venues - 1) {
    const auto venue = static_cast<std::size_t>(std::countr_zero(venues));
    const Terms& terms = terms_[first + venue];
    __builtin_prefetch(&terms.belief, 1);
    __builtin_prefetch(&terms.fill);
    __builtin_prefetch(&terms.survival);
    if ((book.forgotten >> venue & 1) != 0) __builtin_prefetch(&terms.ack);
  }
}

}  // namespace venuefold

// What the market does by itself: the value moves, venues follow, others trade, liquidity fades.
#include <algorithm>

#include "streams/simulator/synthetic/core/world.hpp"

namespace venuefold::synthetic {
namespace {

bool is_later(const Event& left, const Event& right) {
  return left.at_ns != right.at_ns ? left.at_ns > right.at_ns : left.order > right.order;
}

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t quotient = value / step - (value % step < 0 ? 1 : 0);
  return quotient * step;
}

std::uint64_t key_of(std::int64_t value) { return static_cast<std::uint64_t>(value); }

}  // namespace

void World::schedule(std::int64_t at_ns, EventKind kind, std::size_t place, std::int64_t value) {
  events_.push_back({at_ns, ++event_order_, kind, static_cast<std::uint32_t>(place), value});
  std::push_heap(events_.begin(), events_.end(), is_later);
}

void World::pull(std::int64_t until_ns, std::size_t most_bytes, std::vector<std::byte>& to) {
  while (to.size() < most_bytes) {
    while (!events_.empty() && events_.front().at_ns <= std::min(outbox_.next_ns(), until_ns)) {
      std::pop_heap(events_.begin(), events_.end(), is_later);
      const Event event = events_.back();
      events_.pop_back();
      now_ns_ = event.at_ns;
      ++events_run_;
      run(event);
      if (globals_.checks != 0) check(event);
    }
    if (outbox_.next_ns() > until_ns) {
      now_ns_ = std::max(now_ns_, until_ns);
      return;
    }
    now_ns_ = std::max(now_ns_, outbox_.next_ns());
    outbox_.pop(to);
  }
}

void World::run(const Event& event) {
  switch (event.kind) {
    case EventKind::kMove: return move(event.place, event.at_ns);
    case EventKind::kRequote: return requote(event.place, event.at_ns, event.value != 0);
    case EventKind::kTrade: return trade(event.place, event.at_ns);
    case EventKind::kInformed: return pick_off(event.place, event.value, event.at_ns);
    case EventKind::kFade:
      return fade(event.place, event.value != 0 ? kAsk : kBid, event.at_ns);
    case EventKind::kArrive: return arrive(key_of(event.value), event.at_ns);
    case EventKind::kCancel: return arrive_cancel(key_of(event.value), event.at_ns);
    case EventKind::kReplace: return arrive_replace(event);
    default: return run_rare(event);
  }
}

void World::run_rare(const Event& event) {
  const std::int64_t at_ns = event.at_ns;
  switch (event.kind) {
    case EventKind::kRegime:
      ++regime_;
      return schedule(at_ns + globals_.regime_ns, EventKind::kRegime, 0);
    case EventKind::kBurst:
      burst_until_ns_ = at_ns + globals_.burst_ns;
      return schedule(at_ns + gap_ns(draw(seed(), kBursts, ++bursts_),
                                     globals_.burst_per_hour / 3600.0), EventKind::kBurst, 0);
    case EventKind::kHalt: return halt(event.place, at_ns);
    case EventKind::kReopen: return reopen(event.place, at_ns, event.value);
    case EventKind::kHeartbeat:
      if (venue_status_[event.place] == kOpen) show_status(event.place, kInstrumentNone, kOpen, at_ns);
      return schedule(at_ns + globals_.heartbeat_ns, EventKind::kHeartbeat, event.place);
    case EventKind::kSession: return turn_venue(event.place, event.value, at_ns);
    case EventKind::kFaultStart: return start_fault(event.place, at_ns);
    case EventKind::kFaultEnd: return end_fault(event.place, at_ns);
    case EventKind::kParent: return parent_arrives(event.place, at_ns);
    case EventKind::kAlpha: return shift(event.place, event.value, at_ns);
    case EventKind::kClean: return clean_up(event.place);
    case EventKind::kUnsolicited: {
      const auto found = orders_.find(key_of(event.value));
      if (found != orders_.end() && found->second.resting != 0) {
        end(found->second, kCanceled, "canceled by the venue", at_ns);
        drop(found->first);
      }
      return;
    }
    default: return;
  }
}

std::int64_t World::tick(std::uint32_t book) const {
  return instruments_[instrument_of(book)].tick_nanos * venues_[venue_of(book)].tick_multiple;
}

bool World::is_trading(std::uint32_t book) const {
  return venue_status_[venue_of(book)] == kOpen && markets_[instrument_of(book)].status == kOpen;
}

double World::size_factor(std::uint64_t drawn) const {
  return globals_.family == kHeavyTail ? heavy(drawn) : 0.25 + 1.5 * unit(drawn);
}

// Regimes rotate how lit venues behave, not what they charge or how far they are.
const VenueTerms& World::soft(std::uint32_t venue) const {
  if (venues_[venue].kind != kLit || regime_ == 0) return venues_[venue];
  const auto at = static_cast<std::size_t>(std::find(lit_.begin(), lit_.end(),
      venue) - lit_.begin());
  const auto turn = static_cast<std::size_t>(regime_ * globals_.regime_shift);
  return venues_[lit_[(at + turn) % lit_.size()]];
}

void World::move(std::uint32_t instrument, std::int64_t at_ns) {
  const InstrumentTerms& terms = instruments_[instrument];
  Market& market = markets_[instrument];
  const std::uint64_t key = ++market.moves;
  const double hz = (terms.move_hz + terms.jump_hz) * pace(at_ns);
  schedule(at_ns + gap_ns(draw(seed(), kMoves, instrument, key), hz), EventKind::kMove, instrument);
  const std::uint64_t drawn = draw(seed(), kMoves, instrument, key, 1);
  const std::int64_t sign = (drawn >> 60 & 1) != 0 ? 1 : -1;
  const bool jumps = happens(draw(seed(), kMoves, instrument, key, 2),
                             terms.jump_hz / (terms.move_hz + terms.jump_hz));
  const double ticks = jumps ? terms.jump_ticks * size_factor(draw(seed(), kMoves, instrument,
      key, 3))
                             : terms.move_ticks;
  shift(instrument, sign * static_cast<std::int64_t>(ticks * kSub), at_ns);
  if (!jumps || market.status != kOpen) return;
  for (std::uint64_t n = 0; n < 4; ++n) {  // those who know
    const std::int64_t late = below(draw(seed(), kInformed, instrument, key, n), 2 * kMs) + 50'000;
    schedule(at_ns + late, EventKind::kInformed, instrument, sign);
  }
  follow(instrument, at_ns);
}

void World::shift(std::uint32_t instrument, std::int64_t parts, std::int64_t) {
  const std::int64_t least = kSub * 20;
  markets_[instrument].value = std::max(least, markets_[instrument].value + parts);
}

void World::follow(std::uint32_t instrument, std::int64_t at_ns) {
  for (const std::uint32_t venue : lit_) {
    const std::uint32_t book = book_index(instrument, venue);
    const std::int64_t lag = soft(venue).lag_ns;
    const std::int64_t late = lag / 2 + below(draw(seed(), kQuotes, book, key_of(at_ns), 9),
        lag + 1);
    schedule(at_ns + late, EventKind::kRequote, book, 0);
  }
}

void World::requote(std::uint32_t index, std::int64_t at_ns, bool again) {
  const std::uint32_t venue = venue_of(index);
  if (again) {
    const std::uint64_t drawn = draw(seed(), kQuotes, index, key_of(at_ns), 1);
    schedule(at_ns + gap_ns(drawn, venues_[venue].update_hz * pace(at_ns)), EventKind::kRequote,
             index, 1);
  }
  if (!is_trading(index)) return;
  const VenueTerms& terms = soft(venue);
  const std::int64_t value = markets_[instrument_of(index)].value;
  const std::uint64_t drawn = draw(seed(), kQuotes, index, key_of(at_ns));
  const double wide = at_ns < burst_until_ns_ ? 1.5 : 1.0;
  const auto half = static_cast<std::int64_t>(terms.half_spread_ticks * wide * kSub) +
                    below(drawn, kSub / 2) - kSub / 4;
  const std::int64_t step = kSub * venues_[venue].tick_multiple;
  const std::int64_t bid = floor_to(value - half, step);
  const std::int64_t ask = std::max(bid + step, floor_to(value + half + step - 1, step));
  const std::int64_t nanos = instruments_[instrument_of(index)].tick_nanos;
  LadderBook& book = books_[index];
  const std::array<Side, 2> before = book.sides;
  draw_side(index, kBid, bid / kSub * nanos, at_ns, book.sides[kBid]);
  draw_side(index, kAsk, ask / kSub * nanos, at_ns, book.sides[kAsk]);
  ++book.quotes;
  for (int level = 0; level < terms.levels; ++level) {
    const auto at = static_cast<std::size_t>(level);
    const auto differs = [&](BookSide side) {
      return before[side].nanos[at] != book.sides[side].nanos[at] ||
             before[side].units[at] != book.sides[side].units[at];
    };
    if (level == 0 || differs(kBid) || differs(kAsk)) show_level(index, level, at_ns);
  }
  if (resting_.empty()) return;
  // A quote beyond one of ours has traded through it.
  fill_resting(index, kBid, book.sides[kAsk].nanos[0] - 1, INT64_MAX, at_ns);
  fill_resting(index, kAsk, book.sides[kBid].nanos[0] + 1, INT64_MAX, at_ns);
}

void World::draw_side(std::uint32_t index, BookSide side, std::int64_t touch, std::int64_t at_ns,
                      Side& into) {
  const VenueTerms& terms = soft(venue_of(index));
  const std::int64_t lot = venues_[venue_of(index)].lot_units;
  const std::int64_t step = side == kBid ? -tick(index) : tick(index);
  const bool moved = into.nanos[0] != touch || into.units[0] == 0;
  const double depth = terms.depth *
      static_cast<double>(instruments_[instrument_of(index)].depth_units);
  for (int level = 0; level < kDepth; ++level) {
    const auto at = static_cast<std::size_t>(level);
    if (level >= terms.levels) {
      into.nanos[at] = into.units[at] = 0;
      continue;
    }
    into.nanos[at] = touch + step * level;
    if (level > 0 && !moved && into.units[at] != 0) continue;
    const std::uint64_t drawn = draw(seed(), kSizes, index * 2 + side, key_of(at_ns),
        key_of(level));
    const double units = depth * size_factor(drawn) * (1.0 + 0.4 * level);
    into.units[at] = std::max(lot, static_cast<std::int64_t>(units) / lot * lot);
  }
}

std::int64_t World::venue_at_best(std::uint32_t instrument, BookSide side,
                                 std::uint64_t key) const {
  std::int64_t best = 0;
  double total = 0.0;
  const auto touch = [&](std::uint32_t venue) -> std::int64_t {
    const Side& shown = books_[book_index(instrument, venue)].sides[side];
    return venue_status_[venue] == kOpen && shown.units[0] > 0 ? shown.nanos[0] : 0;
  };
  for (const std::uint32_t venue : lit_) {
    const std::int64_t nanos = touch(venue);
    if (nanos == 0 || (best != 0 && is_better(side, best, nanos))) continue;
    if (nanos != best) total = 0.0;
    best = nanos;
    total += venues_[venue].flow;
  }
  double left = unit(key) * total;
  std::int64_t last = -1;
  for (const std::uint32_t venue : lit_) {
    if (best == 0 || touch(venue) != best) continue;
    last = venue;
    left -= venues_[venue].flow;
    if (left <= 0.0) break;
  }
  return last;
}

void World::trade(std::uint32_t instrument, std::int64_t at_ns) {
  const InstrumentTerms& terms = instruments_[instrument];
  Market& market = markets_[instrument];
  const std::uint64_t key = ++market.trades;
  const double hz = terms.trade_hz * pace(at_ns);
  const bool clusters = globals_.family == kClustered && key % 8 != 0;
  schedule(at_ns + gap_ns(draw(seed(), kTrades, instrument, key), clusters ? hz * 6.0 : hz),
           EventKind::kTrade, instrument);
  if (!happens(draw(seed(), kTrades, instrument, key, 1), terms.sign_persistence)) {
    market.last_sign = -market.last_sign;
  }
  if (market.status != kOpen) return;
  const std::int64_t sign = market.last_sign;
  const BookSide side = sign > 0 ? kAsk : kBid;
  const std::int64_t venue = venue_at_best(instrument, side, draw(seed(), kTrades, instrument,
      key, 2));
  if (venue < 0) return;
  const auto index = book_index(instrument, static_cast<std::uint32_t>(venue));
  const double units = static_cast<double>(terms.depth_units) * 0.3 *
                       heavy(draw(seed(), kTrades, instrument, key, 3));
  const std::int64_t lot = venues_[static_cast<std::size_t>(venue)].lot_units;
  const std::int64_t wanted = std::max(lot, static_cast<std::int64_t>(units) / lot * lot);
  const std::int64_t touch = books_[index].sides[side].nanos[0];
  const std::int64_t limit = touch + sign * tick(index);
  const Units done = consume(index, side, wanted, limit, at_ns, sign, nullptr);
  shift(instrument, sign * static_cast<std::int64_t>(terms.impact_ticks * kSub *
      static_cast<double>(done) /
                                       static_cast<double>(terms.depth_units)), at_ns);
  fade_elsewhere(index, side, 1.0, at_ns);
}

// Somebody knows where the value went and takes one quote that has not followed.
void World::pick_off(std::uint32_t instrument, std::int64_t sign, std::int64_t at_ns) {
  if (markets_[instrument].status != kOpen) return;
  const BookSide side = sign > 0 ? kAsk : kBid;
  const std::int64_t fair = markets_[instrument].value * instruments_[instrument].tick_nanos / kSub;
  double total = 0.0;
  const auto weight = [&](std::uint32_t venue) {
    const Side& shown = books_[book_index(instrument, venue)].sides[side];
    const bool gains = side == kAsk ? shown.nanos[0] < fair : shown.nanos[0] > fair;
    const bool stands = shown.units[0] > 0 && venue_status_[venue] == kOpen;
    return gains && stands ? soft(venue).toxicity : 0.0;
  };
  for (const std::uint32_t venue : lit_) total += weight(venue);
  if (total <= 0.0) return;
  double left = unit(draw(seed(), kInformed, instrument, key_of(at_ns), 99)) * total;
  for (const std::uint32_t venue : lit_) {
    const double share = weight(venue);
    left -= share;
    if (share <= 0.0 || left > 0.0) continue;
    const std::uint32_t index = book_index(instrument, venue);
    consume(index, side, books_[index].sides[side].units[0], fair, at_ns, sign, nullptr);
    return fade_elsewhere(index, side, 1.0, at_ns);
  }
}

// Takes displayed size within the limit, best first; resting children of ours are served by print.
World::Units World::consume(std::uint32_t index, BookSide side, Units units,
    std::int64_t limit_nanos,
                            std::int64_t at_ns, std::int64_t sign, Order* ours) {
  Side& shown = books_[index].sides[side];
  Units done = 0;
  std::size_t gone = 0;
  for (std::size_t at = 0; at < kDepth && done < units; ++at) {
    if (shown.units[at] == 0 || is_better(side, limit_nanos, shown.nanos[at])) break;
    const Units take = std::min(units - done, shown.units[at]);
    shown.units[at] -= take;
    done += take;
    show_trade(index, shown.nanos[at], take, sign, at_ns);
    if (ours != nullptr) {
      fill(*ours, shown.nanos[at], take, kTake, at_ns);
    } else if (!resting_.empty()) {
      fill_resting(index, side, shown.nanos[at], take, at_ns);
    }
    if (shown.units[at] == 0) ++gone;
  }
  if (done == 0) return 0;
  if (gone != 0) {
    std::rotate(shown.nanos.begin(), shown.nanos.begin() + static_cast<std::ptrdiff_t>(gone),
        shown.nanos.end());
    std::rotate(shown.units.begin(), shown.units.begin() + static_cast<std::ptrdiff_t>(gone),
        shown.units.end());
    for (std::size_t at = kDepth - gone; at < kDepth; ++at) shown.nanos[at] = shown.units[at] = 0;
    for (int level = 0; level < kDepth; ++level) show_level(index, level, at_ns);
  } else {
    show_level(index, 0, at_ns);
  }
  return done;
}

void World::fade_elsewhere(std::uint32_t index, BookSide side, double chance, std::int64_t at_ns) {
  const std::uint32_t instrument = instrument_of(index);
  for (const std::uint32_t venue : lit_) {
    const std::uint32_t other = book_index(instrument, venue);
    if (other == index) continue;
    books_[other].swept_ns[side] = at_ns;
    const std::uint64_t drawn = draw(seed(), kFades, other, key_of(at_ns), side);
    if (!happens(drawn, soft(venue).sweep_fade * chance)) continue;
    const std::int64_t late = globals_.react_ns / 2 + below(drawn >> 3, globals_.react_ns + 1);
    schedule(at_ns + late, EventKind::kFade, other, side);
  }
}

void World::fade(std::uint32_t index, BookSide side, std::int64_t at_ns) {
  Side& shown = books_[index].sides[side];
  if (!is_trading(index) || shown.units[0] == 0) return;
  const VenueTerms& terms = soft(venue_of(index));
  const std::int64_t lot = venues_[venue_of(index)].lot_units;
  const std::uint64_t drawn = draw(seed(), kFades, index, key_of(at_ns), 7);
  const double keep = globals_.family == kUniformFade ? unit(drawn) : terms.fade_keep;
  const auto left = static_cast<std::int64_t>(static_cast<double>(shown.units[0]) * keep) / lot *
      lot;
  shown.units[0] = std::max(lot, left);
  show_level(index, 0, at_ns);
}

// Our resting children at a price that traded: those ahead in the queue first. A print through the
// limit fills whatever stands there.
void World::fill_resting(std::uint32_t index, BookSide side, std::int64_t nanos, Units units,
                         std::int64_t at_ns) {
  for (const std::uint64_t id : std::vector<std::uint64_t>(resting_)) {
    const auto found = orders_.find(id);
    if (found == orders_.end() || units <= 0) continue;
    Order& order = found->second;
    const std::int64_t limit = order.record.limit_nanos;
    if (book_index(order.record.instrument, order.record.venue) != index || order.side() != side ||
        is_better(side, nanos, limit)) {
      continue;
    }
    Units share = units;
    if (limit == nanos) {
      const Units ahead = std::min(order.queue_units, units);
      order.queue_units -= ahead;
      share = units - ahead;
    }
    const Units done = std::min(share, order.leaves());
    if (done <= 0) continue;
    if (units != INT64_MAX) units -= done;
    fill(order, limit, done, kAdd, at_ns);
    if (order.leaves() <= 0) drop(id);
  }
}

}  // namespace venuefold::synthetic

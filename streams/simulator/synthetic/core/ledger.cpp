// What each parent was worth: benchmark, fills, the price of what is left, and the invariants.
#include <algorithm>
#include <string>

#include "streams/simulator/synthetic/core/world.hpp"

namespace venuefold::synthetic {
namespace {

constexpr std::int64_t kBeyondBook = 1;
constexpr std::int64_t kNoBenchmark = 2;

struct Offer {
  double cost;
  std::int64_t nanos;
  std::int64_t units;
  std::uint32_t venue;
};

}  // namespace

std::int64_t World::mid_x2(std::uint32_t instrument) const {
  std::int64_t bid = 0;
  std::int64_t ask = 0;
  for (const std::uint32_t venue : lit_) {
    const auto& sides = books_[book_index(instrument, venue)].sides;
    if (venue_status_[venue] != kOpen) continue;
    if (sides[kBid].units[0] > 0) bid = std::max(bid, sides[kBid].nanos[0]);
    if (sides[kAsk].units[0] > 0 && (ask == 0 || sides[kAsk].nanos[0] < ask)) ask =
        sides[kAsk].nanos[0];
  }
  return bid > 0 && ask > 0 ? bid + ask : 0;
}

// What taking `units` from the true books would cost at once, cheapest all-in offers first. Beyond
// the books the last price goes on, a tick worse for each further depth of the instrument.
World::Units World::sweep(std::uint32_t instrument, std::int64_t sign, Units units,
    double& notional,
                          double& fees, bool& is_beyond) const {
  const BookSide side = sign > 0 ? kAsk : kBid;
  std::vector<Offer> offers;
  for (const std::uint32_t venue : lit_) {
    const Side& shown = books_[book_index(instrument, venue)].sides[side];
    if (venue_status_[venue] != kOpen) continue;
    for (std::size_t at = 0; at < kDepth && shown.units[at] > 0; ++at) {
      const double fee = static_cast<double>(
          fee_of(venue, instrument, kTake, shown.nanos[at],
              instruments_[instrument].units_per_one));
      offers.push_back({static_cast<double>(sign * shown.nanos[at]) + fee, shown.nanos[at],
                        shown.units[at], venue});
    }
  }
  std::stable_sort(offers.begin(), offers.end(),
                   [](const Offer& left, const Offer& right) { return left.cost < right.cost; });
  Units left = units;
  std::int64_t last = 0;
  for (const Offer& offer : offers) {
    const Units take = std::min(left, offer.units);
    notional += static_cast<double>(offer.nanos) * static_cast<double>(take);
    fees += static_cast<double>(fee_of(offer.venue, instrument, kTake, offer.nanos, take));
    left -= take;
    last = offer.nanos;
    if (left == 0) break;
  }
  is_beyond = left > 0;
  if (!is_beyond) return units;
  const InstrumentTerms& terms = instruments_[instrument];
  if (last == 0) last = markets_[instrument].value * terms.tick_nanos / kSub;
  const std::int64_t worse = (left / std::max<std::int64_t>(1, terms.depth_units) + 1) *
      terms.tick_nanos;
  notional += static_cast<double>(last + sign * worse) * static_cast<double>(left);
  return units - left;
}

void World::parent_arrives(std::uint32_t place, std::int64_t at_ns) {
  ParentResult& result = parents_[place];
  const auto instrument = static_cast<std::uint32_t>(result.instrument);
  const InstrumentTerms& terms = instruments_[instrument];
  result.mid_x2 = mid_x2(instrument);
  if (result.mid_x2 == 0) result.flags |= kNoBenchmark;
  bool is_beyond = false;
  result.ideal_units = sweep(instrument, result.sign, result.units, result.ideal_notional,
                             result.ideal_fees, is_beyond);
  const BookSide side = result.sign > 0 ? kAsk : kBid;
  const std::int64_t venue = venue_at_best(instrument, side, 1);
  if (venue >= 0) {
    const auto best = books_[book_index(instrument,
        static_cast<std::uint32_t>(venue))].sides[side].nanos[0];
    for (const std::uint32_t other : lit_) {
      const Side& shown = books_[book_index(instrument, other)].sides[side];
      if (shown.nanos[0] == best) result.touch_units += shown.units[0];
    }
  }
  if (!happens(draw(seed(), kParents, place, 1), globals_.informed_orders)) return;
  constexpr std::int64_t kSteps = 8;  // the trader knew something: the value drifts that way
  const double parts = globals_.alpha_ticks * kSub / static_cast<double>(kSteps);
  for (std::int64_t step = 1; step <= kSteps; ++step) {
    schedule(at_ns + globals_.alpha_ns * step / kSteps, EventKind::kAlpha, instrument,
             result.sign * static_cast<std::int64_t>(parts));
  }
  (void)terms;
}

void World::clean_up(std::uint32_t place) {
  ParentResult& result = parents_[place];
  result.clean_units = std::max<std::int64_t>(0, result.units - result.filled_units);
  if (result.clean_units == 0) return;
  bool is_beyond = false;
  sweep(static_cast<std::uint32_t>(result.instrument), result.sign, result.clean_units,
        result.clean_notional, result.clean_fees, is_beyond);
  if (is_beyond) result.flags |= kBeyondBook;
}

void World::book_fill(const Order& order, std::int64_t nanos, Units units, std::int64_t fee,
                      std::int64_t at_ns) {
  if (order.parent == kNoParent) return;
  ParentResult& result = parents_[order.parent];
  result.filled_units += units;
  result.notional += static_cast<double>(nanos) * static_cast<double>(units);
  result.fees += static_cast<double>(fee);
  ++result.fills;
  result.last_fill_ns = at_ns;
}

// Nothing may be created or lost: checked after each event when `checks` is set.
void World::check(const Event& event) {
  ++checks_;
  const auto broken = [&event](const std::string& what) {
    throw std::logic_error("market invariant broken at " + std::to_string(event.at_ns) +
        " ns: " + what);
  };
  if (event.kind == EventKind::kRequote || event.kind == EventKind::kFade) {
    for (const Side& side : books_[event.place].sides) {
      for (std::size_t at = 0; at < kDepth; ++at) {
        if (side.units[at] < 0 || side.nanos[at] < 0) broken("a level is negative");
      }
    }
  }
  if (event.kind != EventKind::kArrive && event.kind != EventKind::kTrade) return;
  for (const auto& [id, order] : orders_) {
    if (order.cum_units < 0 || order.cum_units > order.record.units) {
      broken("child " + std::to_string(id) + " was filled beyond its size");
    }
  }
  for (const std::uint64_t id : resting_) {
    if (!orders_.contains(id)) broken("a child rests that does not exist");
  }
}

}  // namespace venuefold::synthetic

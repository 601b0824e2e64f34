// Our children at the venues: they arrive, take, queue, are canceled and replaced.
#include <algorithm>

#include "streams/simulator/core/fees.hpp"
#include "streams/simulator/synthetic/core/world.hpp"

namespace venuefold::synthetic {
namespace {

constexpr std::int64_t kSweptFor = 5 * kMs;
constexpr std::size_t kRemembered = 65'536;
constexpr const char* kRateLimited = "rate limit; retry after 500 ms";
constexpr std::int64_t kRetryAfterNs = 500 * kMs;

}  // namespace

void World::submit(const std::byte* bytes, std::size_t size, std::int64_t sent_ns) {
  if (size != sizeof(ChildRecord)) throw InputFault("a child is one CHILD record");
  Order order{};
  std::memcpy(&order.record, bytes, sizeof order.record);
  if (order.record.venue >= venues_.size() || order.record.instrument >= instruments_.size()) {
    throw InputFault("child " + std::to_string(order.record.child_id) +
                     ": no such venue or instrument in this market");
  }
  const std::string name(order.record.cl_ord_id, strnlen(order.record.cl_ord_id, 32));
  const auto parent = parent_names_.find(name);
  if (parent != parent_names_.end()) {
    order.parent = parent->second;
    ++parents_[parent->second].children;
  }
  order.luck = luck_of(order);
  const std::int64_t delay = std::max<std::int64_t>(0, order.record.send_delay_ns);
  const std::int64_t at_ns = std::max(now_ns_, sent_ns + delay + out_ns(order) +
                                                   slowness_ns(order.record.venue, sent_ns));
  const std::uint64_t id = order.record.child_id;
  orders_.insert_or_assign(id, order);
  schedule(at_ns, EventKind::kArrive, 0, static_cast<std::int64_t>(id));
}

std::uint64_t World::luck_of(const Order& order) {
  const std::uint64_t stream = seed() ^ (static_cast<std::uint64_t>(globals_.child_stream) << 32);
  if (order.parent == kNoParent) return draw(stream, kChildren, order.record.child_id);
  const std::uint64_t visit = std::uint64_t{order.parent} << 8 | order.record.venue;
  return draw(stream, kChildren, visit, ++visits_[visit], 1);
}

void World::cancel(std::uint64_t child_id, std::int64_t sent_ns) {
  const auto found = orders_.find(child_id);
  const std::int64_t out = found == orders_.end() ? shortest_out_ns_ : out_ns(found->second);
  schedule(std::max(now_ns_, sent_ns + out), EventKind::kCancel, 0,
           static_cast<std::int64_t>(child_id));
}

void World::replace(std::uint64_t child_id, std::int64_t units, std::int64_t nanos,
                    std::int64_t sent_ns) {
  const auto found = orders_.find(child_id);
  if (found == orders_.end()) return cancel(child_id, sent_ns);
  found->second.record.min_units = 0;
  pending_replaces_[child_id] = {units, nanos};
  schedule(std::max(now_ns_, sent_ns + out_ns(found->second)), EventKind::kReplace, 0,
           static_cast<std::int64_t>(child_id));
}

void World::query(std::uint64_t child_id, std::uint32_t venue, std::int64_t sent_ns) {
  if (venue >= venues_.size()) throw InputFault("no venue " + std::to_string(venue));
  schedule(std::max(now_ns_, sent_ns + venues_[venue].out_ns), EventKind::kQuery, venue,
           static_cast<std::int64_t>(child_id));
}

// What the venue knows of a child; one that never reached it has nothing done and nothing open.
void World::arrive_query(std::uint64_t id, std::uint32_t venue, std::int64_t at_ns) {
  if (is_cut(venue, at_ns)) return;
  Order known{};
  known.record.child_id = id;
  known.record.venue = static_cast<std::uint8_t>(venue);
  if (const auto open = orders_.find(id); open != orders_.end()) {
    known = open->second;
  } else if (const auto ended = ended_.find(id); ended != ended_.end()) {
    known.record.instrument = ended->second.instrument;
    known.cum_units = known.record.units = ended->second.cum_units;
  }
  send(report_of(known, kOrderStatusNow, at_ns), at_ns);
}

// Never shorter than the venue's own time, so that the driver's window holds.
std::int64_t World::out_ns(const Order& order) const {
  const VenueTerms& terms = venues_[order.record.venue];
  const std::uint64_t drawn = draw(order.luck, kRoutes, 0);
  const double stretch = terms.spike > 0.0 && happens(drawn * 3, terms.spike) ? 1.0 : 0.0;
  return terms.out_ns + below(drawn >> 7, terms.jitter_ns + 1) +
         static_cast<std::int64_t>(stretch * static_cast<double>(terms.spike_ns) * heavy(drawn));
}

const char* World::refusal(const Order& order, std::int64_t at_ns) const {
  const std::uint32_t venue = order.record.venue;
  const std::uint64_t id = order.record.child_id;
  if (is_on(kRevoked, venue, at_ns)) return "credentials revoked";
  if (is_on(kRateLimit, venue, at_ns, id)) return kRateLimited;
  if (is_on(kPartialBatch, venue, at_ns) && id % 2 != 0) return "batch accepted in part";
  if (is_on(kReject, venue, at_ns, id)) return "rejected";
  if (!is_trading(book_index(order.record.instrument, venue))) return "not open for trading";
  if (order.record.units < 1 ||
      order.record.units % venues_[venue].lot_units != 0) return "odd lot";
  if (order.record.units < venues_[venue].min_units) return "below the minimum size";
  if (happens(draw(order.luck, kChildren, 1), soft(venue).reject)) return "rejected by the venue";
  return nullptr;
}

void World::arrive(std::uint64_t id, std::int64_t at_ns) {
  const auto found = orders_.find(id);
  if (found == orders_.end()) return;
  Order& order = found->second;
  const std::uint32_t venue = order.record.venue;
  const bool is_lost = is_on(kTotalOutage, venue, at_ns) || is_on(kSubmitOnly, venue, at_ns) ||
                       is_on(kDisconnect, venue, at_ns);
  if (is_lost) return drop(id);
  if (const char* why = refusal(order, at_ns); why != nullptr) {
    end(order, kRejected, why, at_ns);
    return drop(id);
  }
  send(report_of(order, kNew, at_ns), at_ns);
  if (is_on(kUnsolicited, venue, at_ns, id)) {
    end(order, kCanceled, "canceled by the venue", at_ns);
    return drop(id);
  }
  if (venues_[venue].kind == kDark) {
    take_dark(order, at_ns);
  } else {
    take(order, at_ns);
  }
  if (order.leaves() <= 0) {
    after_end(order, at_ns);
    return drop(id);
  }
  if (order.record.time_in_force == kDay && order.record.ord_type == kLimit) return rest(order,
      at_ns);
  end(order, kCanceled, "remainder canceled", at_ns);
  drop(id);
}

void World::take(Order& order, std::int64_t at_ns) {
  const std::uint32_t index = book_index(order.record.instrument, order.record.venue);
  const BookSide side = opposite(order.side());
  const VenueTerms& terms = soft(order.record.venue);
  LadderBook& book = books_[index];
  const std::uint64_t id = order.record.child_id;
  const bool was_swept = book.swept_ns[side] >= 0 && at_ns - book.swept_ns[side] < kSweptFor;
  const double fades = terms.fade + (was_swept ? terms.sweep_fade * (1.0 - terms.fade) : 0.0);
  const std::int64_t sign = order.side() == kBid ? 1 : -1;
  if (happens(draw(order.luck, kChildren, 2), fades)) {
    fade(index, side, at_ns);  // who pulled the quote has seen the order, and tells the market
    const double parts = globals_.leak_ticks * terms.leak * kSub;
    shift(order.record.instrument, sign * static_cast<std::int64_t>(parts), at_ns);
    follow(order.record.instrument, at_ns);
  }
  const std::int64_t touch = book.sides[side].nanos[0];
  const bool is_market = order.record.ord_type == kMarket;
  const std::int64_t limit = is_market ? (side == kAsk ? INT64_MAX : 0) : order.record.limit_nanos;
  if (touch == 0 || is_better(side, limit, touch)) return;
  if ((order.record.exec_inst & kPostOnly) != 0) return;
  Units wanted = order.leaves();
  if (is_on(kPartialFill, order.record.venue, at_ns, id)) {
    const std::int64_t lot = venues_[order.record.venue].lot_units;
    wanted = std::max(lot, wanted / 2 / lot * lot);
  }
  Units done = consume(index, side, wanted, limit, at_ns, sign, &order);
  const bool has_hidden = happens(draw(order.luck, kChildren, 3), terms.hidden);
  if (has_hidden && done < wanted &&
      done > 0) {  // hidden size shows only to those who ask for more
    const double mean = terms.hidden_depth *
                        static_cast<double>(instruments_[order.record.instrument].depth_units);
    const std::int64_t lot = venues_[order.record.venue].lot_units;
    const auto hidden = static_cast<std::int64_t>(
        mean * exponential(draw(order.luck, kChildren, 4))) / lot * lot;
    const Units more = std::min(hidden, wanted - done);
    if (more > 0) {
      show_trade(index, touch, more, sign, at_ns);
      fill(order, touch, more, kTake, at_ns);
      done += more;
    }
  }
  if (done == 0) return;
  const InstrumentTerms& what = instruments_[order.record.instrument];
  const double share = static_cast<double>(done) / static_cast<double>(what.depth_units);
  shift(order.record.instrument, sign * static_cast<std::int64_t>(what.impact_ticks * kSub * share *
                                                                   (1.0 + 2.0 * terms.leak)),
                                                                       at_ns);
  fade_elsewhere(index, side, 0.5 + terms.leak, at_ns);
}

// No book to see: nothing most of the time, else a size with a power-law tail at the midpoint. A
// pool that leaks lets somebody see the order, filled or not, and the value moves against it.
void World::take_dark(Order& order, std::int64_t at_ns) {
  const VenueTerms& terms = venues_[order.record.venue];
  if (happens(draw(order.luck, kDarks, 4), terms.leak)) {
    const double parts = globals_.leak_ticks * kSub;
    shift(order.record.instrument, (order.side() == kBid ? 1 : -1) *
        static_cast<std::int64_t>(parts), at_ns);
    follow(order.record.instrument, at_ns);
  }
  const std::int64_t middle = mid_x2(order.record.instrument) / 2;
  const bool is_market = order.record.ord_type == kMarket;
  const bool is_within = is_market || !is_better(order.side(), middle, order.record.limit_nanos);
  if (middle == 0 || !is_within || happens(draw(order.luck, kDarks, 1), terms.dark_zero)) return;
  const double usual = terms.depth / 4.0 *
      static_cast<double>(instruments_[order.record.instrument].depth_units);
  const double scale = std::max(static_cast<double>(std::max(terms.min_units, terms.lot_units)),
                                usual);
  const double there = scale * pareto(draw(order.luck, kDarks, 2), terms.dark_alpha);
  const double most = static_cast<double>(order.leaves());
  const auto offered = static_cast<std::int64_t>(std::min(most, there));
  const Units done = offered / terms.lot_units * terms.lot_units;
  if (done < std::max(terms.min_units, order.record.min_units)) return;
  fill(order, middle, done, kMid, at_ns);
}

void World::rest(Order& order, std::int64_t) {
  const std::uint32_t index = book_index(order.record.instrument, order.record.venue);
  const Side& shown = books_[index].sides[order.side()];
  order.resting = 1;
  order.queue_units = 0;
  for (std::size_t at = 0; at < kDepth; ++at) {
    if (shown.nanos[at] == order.record.limit_nanos) order.queue_units = shown.units[at];
  }
  resting_.push_back(order.record.child_id);
}

void World::arrive_cancel(std::uint64_t id, std::int64_t at_ns) {
  const auto found = orders_.find(id);
  if (found == orders_.end() || found->second.resting == 0) {
    Order gone{};
    gone.record.child_id = id;
    if (found != orders_.end()) gone = found->second;
    if (gone.record.instrument >= instruments_.size()) return;
    ExecReport report = report_of(gone, kCancelReject, at_ns);
    report.cum_units = report.leaves_units = -1;
    return send(report, at_ns);
  }
  Order& order = found->second;
  const std::uint32_t venue = order.record.venue;
  if (is_on(kCancelOnly, venue, at_ns) || is_on(kTotalOutage, venue, at_ns)) return;
  if (is_on(kCancelRefused, venue, at_ns, id)) return send(report_of(order, kCancelReject,
      at_ns), at_ns);
  if (is_on(kCancelRace, venue, at_ns, id)) {
    const std::int64_t lot = venues_[venue].lot_units;
    fill(order, order.record.limit_nanos, std::max(lot, order.leaves() / 2 / lot * lot), kAdd,
        at_ns);
  }
  if (order.leaves() > 0) end(order, kCanceled, "canceled on request", at_ns);
  drop(id);
}

void World::arrive_replace(const Event& event) {
  const auto id = static_cast<std::uint64_t>(event.value);
  const auto asked = pending_replaces_.find(id);
  const auto found = orders_.find(id);
  if (asked == pending_replaces_.end()) return;
  const auto [units, nanos] = asked->second;
  pending_replaces_.erase(asked);
  if (found == orders_.end()) return arrive_cancel(id, event.at_ns);
  Order& order = found->second;
  const bool refuses = is_on(kReplaceRefused, order.record.venue, event.at_ns, id);
  if (order.resting == 0 || refuses || units <= order.cum_units) {
    return send(report_of(order, kReplaceRejected, event.at_ns), event.at_ns);
  }
  const bool keeps_place = nanos == order.record.limit_nanos && units <= order.record.units;
  order.record.units = units;
  order.record.limit_nanos = nanos;
  send(report_of(order, kReplacedNow, event.at_ns), event.at_ns);
  if (keeps_place) return;
  std::erase(resting_, id);
  take(order, event.at_ns);
  if (order.leaves() <= 0) return drop(id);
  rest(order, event.at_ns);
}

void World::fill(Order& order, std::int64_t nanos, Units units, std::uint8_t liquidity,
                 std::int64_t at_ns) {
  order.cum_units += units;
  ExecReport report = report_of(order, kFill, at_ns);
  report.trade_id = ++trades_;
  report.last_nanos = nanos;
  report.last_units = units;
  report.liquidity = liquidity;
  report.fee_nanos = fee_of(order.record.venue, order.record.instrument, liquidity, nanos, units);
  book_fill(order, nanos, units, report.fee_nanos, at_ns);
  send(report, at_ns);
  if (!faults_.empty()) send_after_fill(report, order, at_ns);
}

void World::end(Order& order, std::uint8_t type, const char* text, std::int64_t at_ns) {
  ExecReport report = report_of(order, type, at_ns);
  report.leaves_units = 0;
  std::strncpy(report.text, text, sizeof report.text - 1);
  if (text == kRateLimited) report.retry_after_ns = kRetryAfterNs;
  send(report, at_ns);
  if (type != kRejected) after_end(order, at_ns);
}

void World::drop(std::uint64_t id) {
  const auto found = orders_.find(id);
  if (found == orders_.end()) return;
  const Order& order = found->second;
  if (order.resting != 0) std::erase(resting_, id);
  ended_[id] = {order.cum_units, order.record.venue, order.record.instrument};
  if (ended_.size() > kRemembered) ended_.erase(ended_.begin());
  orders_.erase(found);
}

}  // namespace venuefold::synthetic

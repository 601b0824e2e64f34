#include "learning.hpp"

#include "shard.hpp"

namespace venuefold::learning {
namespace {

// Where what is learned from a child is kept, and the times of now there.
struct Places {
  std::uint32_t instrument;
  std::uint8_t venue_id;
  Book& book;
  Terms& terms;
  Evidence& evidence;
  VenueQuality& venue;
  const Grids& grids;
  std::int64_t now_ns;
  std::int64_t venue_ns;
};

Places places(Shard& shard, const Child& child) {
  const std::uint32_t instrument = child.order->record.instrument;
  Books& books = shard.books;
  VenueQuality& venue = shard.venues[child.venue];
  return {instrument,
          child.venue,
          books[instrument],
          books.terms(instrument, child.venue),
          books.teach(instrument, child.venue),
          venue,
          shard.tables.grids(),
          books.tick(instrument, child.venue).clock.at(shard.log_ns),
          venue.session.at(shard.log_ns)};
}

health::Event health_event(Shard& shard, const Child& child) {
  return {shard.venues, child.venue, shard.log_ns, shard.tables.settings()};
}

// Effective spread and price improvement against the send, all-in cost against the arrival.
void observe_costs(const Places& at, const Child& child, const ExecReport& report) {
  const std::int64_t price = report.last_nanos;
  const Grid& cost = at.grids.cost;
  if (child.mid_x2 != 0) {
    at.evidence.effective_bps.observe(effective_bps(child, price), at.now_ns, cost);
  }
  if (child.far_nanos != 0) {
    at.evidence.improvement_bps.observe(improvement_bps(child, price), at.now_ns, cost);
  }
  const double all_in = all_in_bps(child, report.last_units, price, report.fee_nanos,
                                   at.book.record.units_per_one);
  at.evidence.all_in_bps.observe(all_in, at.now_ns, cost);
}

// The fee charged must be the fee expected; anything else is for a person to see.
void reconcile_fee(Shard& shard, const Places& at, const Child& child, const ExecReport& report) {
  FeeTier plain{};
  const FeeTier* line = fee_line(shard, child, report.liquidity, plain);
  if (line == nullptr) return;
  const int128 expected = charge_nanos(*line, child.trades, {report.last_units, report.last_nanos},
                                       at.book.record.units_per_one);
  at.evidence.fee_expected_nanos = add_clamped(at.evidence.fee_expected_nanos, expected);
  at.evidence.fee_charged_nanos = add_clamped(at.evidence.fee_charged_nanos, report.fee_nanos);
  const int128 excess = report.fee_nanos - expected;
  const int128 tolerance = shard.tables.settings().fee_tolerance_nanos;
  if (-tolerance <= excess && excess <= tolerance) return;
  ++at.evidence.fee_mismatches;
  constexpr int128 most = kInt64Max;
  const auto value = static_cast<std::int64_t>(std::max(-most - 1, std::min(most, excess)));
  shard.alarm(AlarmKind::FEE_MISMATCH, value, at.instrument, at.venue_id, child.child_id,
              child.order->order_id);
}

void mark_execution(Shard& shard, const Places& at) {
  const std::uint64_t bit = std::uint64_t{1} << at.venue_id;
  at.book.dirty_execution |= bit;
  shard.venues.dirty |= bit;
}

// Whether none of its parent's came before it: later ones meet a market that those have moved, and
// what they miss says little about the venue.
bool meets_no_footprint(const Child& child) {
  return child.order->first_child->decision_id == child.decision_id;
}

}  // namespace

double effective_bps(const Child& child, std::int64_t price) {
  return markouts::bps(2 * child.order->sign() * (2 * price - child.mid_x2), child.mid_x2);
}

double improvement_bps(const Child& child, std::int64_t price) {
  return markouts::bps(child.order->sign() * (child.far_nanos - price), child.far_nanos);
}

double all_in_bps(const Child& child, std::int64_t units, std::int64_t price,
                  std::int64_t fee_nanos, std::int64_t units_per_one) {
  const Order& order = *child.order;
  const std::int64_t arrival_x2 = order.arrival_bid_nanos + order.arrival_ask_nanos;
  const double fee_per_one = static_cast<double>(fee_nanos) *
                             static_cast<double>(units_per_one) / static_cast<double>(units);
  const double slip =
      static_cast<double>(order.sign() * (2 * price - arrival_x2)) + 2.0 * fee_per_one;
  return slip / static_cast<double>(arrival_x2) * 10000.0;
}

const FeeTier* fee_line(const Shard& shard, const Child& child, std::uint8_t code,
                        FeeTier& plain) {
  if (code >= kLiquidityCodes) return nullptr;
  const NewOrder& record = child.order->record;
  const FeeTier* line =
      shard.tables.fees().find(child.venue, Account(record.account), record.instrument, code);
  if (line != nullptr) return line;
  if ((shard.books.terms(record.instrument, child.venue).fee_known >> code & 1) == 0) {
    return nullptr;
  }
  const Contract& contract = shard.books.contract(record.instrument, child.venue);
  plain.fixed_nanos = contract.fee_fixed_nanos[code];
  plain.rate_e9 = contract.fee_rate_e9[code];
  return &plain;
}

void observe_answer(Shard& shard, Child& child) {
  if (child.acked) return;
  child.acked = true;
  const Places at = places(shard, child);
  const std::int64_t latency_ns = shard.log_ns - child.sent_ns;
  at.terms.ack.observe(static_cast<double>(latency_ns), at.now_ns, at.grids.speed);
  at.venue.ack.observe(static_cast<double>(latency_ns), at.venue_ns, at.grids.speed);
  at.venue.ack_histogram.observe(latency_ns);
  shard.books.forget_belief(at.instrument, at.venue_id);
  shard.venues.forget_prior(child.venue);
}

void observe_trade(Shard& shard, const Child& child, const ExecReport& report) {
  const Places at = places(shard, child);
  if (child.cum_units == 0 && !child.rests()) {
    const std::int64_t latency_ns = shard.log_ns - child.sent_ns;
    at.evidence.first_fill_ns.observe(static_cast<double>(latency_ns), at.now_ns, at.grids.speed);
    at.venue.fill_histogram.observe(latency_ns);
  }
  observe_costs(at, child, report);
  reconcile_fee(shard, at, child, report);
  at.book.fill_ns = shard.log_ns;
  mark_execution(shard, at);
  markouts::start_fill(shard, at.instrument, at.venue_id,
                       static_cast<std::int8_t>(child.order->sign()), report.liquidity,
                       report.last_nanos);
}

void observe_end(Shard& shard, Child& child) {
  const Places at = places(shard, child);
  const Grid& fill = at.grids.fill;
  shard.books.forget_belief(at.instrument, at.venue_id);
  const bool rejected = child.state == ChildState::REJECTED;
  const double refused = rejected ? 1.0 : 0.0;
  at.evidence.reject.observe(refused, at.now_ns, fill);
  at.venue.reject.observe(refused, at.venue_ns, fill);
  const std::int64_t asked = std::min(child.units, child.displayed_units);
  const bool is_first = meets_no_footprint(child);
  if (is_first && asked > 0) {
    const double share = static_cast<double>(std::min(child.cum_units, asked)) /
                         static_cast<double>(asked);
    at.terms.fill.observe(share, at.now_ns, fill);
    at.venue.fill.observe(share, at.venue_ns, fill);
    shard.venues.forget_prior(child.venue);
  }
  if (is_first && !rejected) {
    child.ended_ns = std::max(std::int64_t{1}, at.now_ns);
    child.ended_venue_ns = std::max(std::int64_t{1}, at.venue_ns);
    child.ended_units = child.cum_units;
    at.terms.observe_survival(at.now_ns, child.units, child.cum_units,
                              at.book.record.round_lot_units, fill);
    if (child.units > child.displayed_units) {
      const std::int64_t beyond = child.cum_units - child.displayed_units;
      at.evidence.hidden_units.observe(static_cast<double>(std::max(std::int64_t{0}, beyond)),
                                       at.now_ns, fill);
    }
  }
  if (rejected && shard.tables.venue(child.venue).hold_until_ns > shard.log_ns) {
    // A rate limit is an answer, and no fault of the venue.
    at.venue.timeouts_in_row = 0;
  } else {
    health::observe_answer(health_event(shard, child), rejected);
  }
  mark_execution(shard, at);
}

void observe_cancel_answer(Shard& shard, const Child& child) {
  shard.venues[child.venue].cancel_timeouts_in_row = 0;
}

void observe_timeout(Shard& shard, const Child& child, bool cancels) {
  if (cancels) {
    health::observe_cancel_timeout(health_event(shard, child));
  } else {
    health::observe_timeout(health_event(shard, child));
  }
  shard.venues.dirty |= std::uint64_t{1} << child.venue;
}

}  // namespace venuefold::learning

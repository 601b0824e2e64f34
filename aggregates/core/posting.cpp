#include "posting.hpp"

#include "hazards.hpp"
#include "inventory.hpp"
#include "policy.hpp"
#include "shard.hpp"

namespace venuefold::posting {
namespace {

constexpr std::uint8_t kAddBit = 1 << number(Liquidity::ADD);

bool may_rest(const Policy& policy, const Order& order, const Posting* rule) {
  return may_post(policy, order.record.urgency) && rule != nullptr && rule->enabled != 0 &&
         order.record.post_permission != 0 &&
         order.record.urgency <= rule->max_urgency && !order.is_immediate() &&
         order.posts < rule->max_posts;
}

bool is_well(const Shard& shard, const Policy& policy, std::size_t venue) {
  if (shard.tables.settings().health_ns == 0) return true;
  const HealthState health = shard.venues[venue].health;
  return health == HealthState::UP ||
         (health == HealthState::DEGRADED && policy.allow_degraded != 0);
}

// Maker fee per whole one at a price, negative for a rebate; false where nobody has said it.
bool add_fee(Shard& shard, const Order& order, std::size_t venue, std::int64_t price,
             std::int64_t& fee) {
  constexpr auto add = number(Liquidity::ADD);
  const std::uint32_t instrument = order.record.instrument;
  const FeeTier* line = shard.tables.fees().find(
      static_cast<std::uint8_t>(venue), Account(order.record.account), instrument, add);
  if (line != nullptr) {
    fee = terms_at(*line, price).per_one(price);
    return true;
  }
  if ((shard.books.terms(instrument, venue).fee_known & kAddBit) == 0) return false;
  const Contract& contract = shard.books.contract(instrument, venue);
  fee = FeeTerms{contract.fee_fixed_nanos[add], contract.fee_rate_e9[add]}.per_one(price);
  return true;
}

// Why nothing of the parent may rest at a venue now; NONE where it may.
Reason reason_against(Shard& shard, const Order& order, std::size_t venue) {
  const Book& book = shard.books[order.record.instrument];
  const Tick& tick = shard.books.tick(order.record.instrument, venue);
  const Policy& policy = *shard.tables.policy(order.policy);
  const std::uint64_t listed = order.record.venues_allowed;
  std::uint64_t allowed = (listed != 0 ? listed : ~std::uint64_t{0}) & ~order.record.venues_banned;
  allowed &= shard.accounts.permitted(order.record.account) & ~shard.tables.killed() &
             ~shard.tables.self_help();
  if ((allowed >> venue & 1) == 0) return Reason::NOT_ALLOWED;
  if ((shard.tables.open() & book.open & std::uint64_t{1} << venue) == 0) {
    return Reason::VENUE_STOPPED;
  }
  if (tick.quote_ns == 0 || shard.log_ns - tick.quote_ns > policy.stale_ns) {
    return Reason::STALE_QUOTE;
  }
  if (!is_well(shard, policy, venue)) return Reason::UNHEALTHY_VENUE;
  std::int64_t fee = 0;
  return add_fee(shard, order, venue, 1, fee) ? Reason::NONE : Reason::FEE_UNKNOWN;
}

// The venue's touch, or our limit; inside every protected and displayed far price; 0 = none.
std::int64_t post_price(const Order& order, const Tick& row, std::int64_t tick,
                        const BestPrices& best) {
  const std::size_t side = order.side_index();
  const std::int64_t near = row.touch[side].nanos;
  const std::int64_t far = row.touch[1 - side].nanos;
  if (near == 0) return 0;
  if (side == 0) {
    std::int64_t price = std::min(near, order.limit_nanos);
    for (const std::int64_t bound : {far, best.protected_ask}) {
      if (bound != 0) price = std::min(price, bound - tick);
    }
    return std::max(std::int64_t{0}, price - floor_mod(price, tick));
  }
  std::int64_t price = std::max(near, order.limit_nanos);
  for (const std::int64_t bound : {far, best.protected_bid}) {
    if (bound != 0) price = std::max(price, bound + tick);
  }
  return price + floor_mod(-price, tick);
}

// Whole lots of the remainder, no more than may be displayed or sold there.
std::int64_t post_units(const Shard& shard, const Order& order, std::size_t venue,
                        const Terms& terms) {
  std::int64_t units = std::min(order.free_units(), inventory::free_units(shard, order, venue));
  if (order.record.display_units != 0) units = std::min(units, order.record.display_units);
  units -= units % terms.lot_units;
  return units >= terms.min_units ? units : 0;
}

// Expected gain per whole one in nanos of a place in a queue bucket, a fill's chance included.
double worth(Shard& shard, const Order& order, std::size_t venue, const BestPrices& best,
             std::int64_t price, std::size_t queue, const Posting& rule) {
  const std::uint32_t instrument = order.record.instrument;
  const bool two_sided = best.protected_bid != 0 && best.protected_ask != 0;
  const std::int64_t mid_x2 =
      two_sided ? best.protected_bid + best.protected_ask : shard.books[instrument].mid_x2;
  std::int64_t fee = 0;
  add_fee(shard, order, venue, price, fee);
  const Evidence& evidence = shard.books.evidence(instrument, venue);
  const double adverse_bps = evidence.added[rule.horizon - 1u].mean();
  const double adverse = adverse_bps * static_cast<double>(price) / 10000.0;
  const double gain = static_cast<double>(order.sign() * (mid_x2 - 2 * price)) / 2.0 -
                      static_cast<double>(fee) - adverse;
  const Passive chance = hazards::passive_fill(
      shard, instrument, static_cast<std::uint8_t>(venue), queue, rule.rest_ns);
  return chance.probability * gain;
}

}  // namespace

void plan(Shard& shard, const Order& order, const BestPrices& best, const Candidates& candidates,
          Plan& plan) {
  const Posting* rule = shard.tables.posting(order.policy);
  if (!may_rest(*shard.tables.policy(order.policy), order, rule)) return;
  const std::uint32_t instrument = order.record.instrument;
  double most = 0.0;
  for (std::size_t i = 0; i < candidates.count; ++i) {
    const std::size_t venue = candidates[i].venue;
    if (reason_against(shard, order, venue) != Reason::NONE) continue;
    const Terms& terms = shard.books.terms(instrument, venue);
    const std::int64_t price =
        post_price(order, shard.books.tick(instrument, venue), terms.tick_nanos, best);
    const std::int64_t units = post_units(shard, order, venue, terms);
    if (price == 0 || units == 0) continue;
    const std::int64_t ahead_units = hazards::units_ahead(
        shard, instrument, static_cast<std::uint8_t>(venue), order.side_index(), price);
    const std::uint8_t queue =
        hazards::queue_bucket(ahead_units, shard.books[instrument].record.round_lot_units);
    const double value = worth(shard, order, venue, best, price, queue, *rule);
    const std::int64_t best_nanos = plan.count == 0 ? 0 : plan.parts[0].limit_nanos;
    const std::int64_t ahead = plan.count == 0 ? 1 : order.sign() * (price - best_nanos);
    if (!(value > 0.0) || ahead < 0 || (ahead == 0 && !(value > most))) continue;
    most = value;
    Allocation& part = plan.parts[0];
    part = Allocation{};
    part.candidate = static_cast<std::uint8_t>(i);
    part.flags = number(AllocationFlag::POST);
    part.units = units;
    part.limit_nanos = price;
    std::int64_t fee = 0;
    add_fee(shard, order, venue, price, fee);
    part.cost = int128{order.sign() * price + fee} * units;
    plan.count = 1;
    plan.added = plan.ranked = 0;
    plan.ticket_nanos = 0;
    plan.units = units;
    plan.cost = part.cost;
  }
}

Reason why_withdraw(Shard& shard, const Order& order, const Child& child,
                    const BestPrices& best) {
  const Reason reason = reason_against(shard, order, child.venue);
  if (reason != Reason::NONE) return reason;
  if (inventory::is_short(shard, order, child.venue)) return Reason::NO_INVENTORY;
  const Posting* rule = shard.tables.posting(order.policy);
  if (rule == nullptr || shard.log_ns - child.sent_ns >= rule->rest_ns) return Reason::REST_TIME;
  const std::uint32_t instrument = order.record.instrument;
  const Terms& terms = shard.books.terms(instrument, child.venue);
  const Tick& row = shard.books.tick(instrument, child.venue);
  const std::int64_t price = post_price(order, row, terms.tick_nanos, best);
  if (price != child.limit_nanos) return Reason::TOUCH_MOVED;
  const double value = worth(shard, order, child.venue, best, price, child.queue, *rule);
  return value > 0.0 ? Reason::NONE : Reason::QUEUE_VALUE;
}

}  // namespace venuefold::posting

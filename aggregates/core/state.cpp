#include "state.hpp"

#include "shard.hpp"

namespace venuefold {
namespace {

constexpr char kMagic[] = "SORSTATE";
constexpr std::uint32_t kVersion = 1;

template <class Size>
std::uint32_t count(Size size) {
  return static_cast<std::uint32_t>(size);
}

class Encoder {
 public:
  std::vector<std::uint8_t> bytes;

  template <class Value>
  void put(const Value& value) {
    const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
    bytes.insert(bytes.end(), begin, begin + sizeof value);
  }
};

void put_head(Encoder& encoder, const Shard& shard) {
  state::Head head{};
  std::memcpy(head.magic, kMagic, sizeof head.magic);
  head.version = kVersion;
  head.shard = shard.id;
  head.seq = shard.seq;
  head.log_ns = shard.log_ns;
  head.out_seq = shard.out_seq;
  head.reference_version = shard.reference_version;
  head.reference_seen = shard.reference_seen;
  head.quality_seq = shard.quality_seq;
  head.next_child_id = shard.next_child_id;
  head.publish_due_ns = shard.publish_due_ns;
  head.oldest_ns = shard.oldest_ns;
  std::memcpy(head.activated, shard.activated, sizeof head.activated);
  head.kill_all = shard.kill_all;
  head.venues = count(shard.tables.venues());
  head.instruments = count(shard.books.size());
  head.policies = count(shard.tables.policies());
  head.identities = count(shard.identities.size());
  head.orders = count(shard.orders.size());
  head.timers = count(shard.timers.size());
  head.killed_clients = count(shard.killed_clients.size());
  head.killed_accounts = count(shard.killed_accounts.size());
  encoder.put(head);
}

void put_tables(Encoder& encoder, const Tables& tables) {
  encoder.put(tables.settings());
  for (std::size_t id = 0; id < tables.venues(); ++id) {
    const VenueEntry& entry = tables.venue(id);
    encoder.put(entry.record);
    encoder.put(state::VenueTail{entry.status, entry.killed, {}});
  }
  for (std::uint32_t id = 0; id <= kMaxPolicies; ++id) {
    if (const Policy* policy = tables.policy(id)) encoder.put(*policy);
  }
}

void put_statistics(state::Row& row, const Tick& tick, const Terms& terms) {
  row.quote_ns = tick.quote_ns;
  row.quote_seq = tick.quote_seq;
  std::copy_n(terms.in_flight, 2, row.in_flight);
  std::copy_n(tick.unreflected, 2, row.unreflected);
  row.quotes = tick.quotes;
  row.trades = tick.trades;
  row.fills = terms.fills;
  row.then_ns = tick.then_ns;
  row.observed = tick.observed;
  row.bid_time = tick.bid_time;
  row.ask_time = tick.ask_time;
  row.spread_time = tick.spread_time;
  row.two_sided_time = tick.two_sided_time;
  row.at_bid_time = tick.at_bid_time;
  row.at_ask_time = tick.at_ask_time;
  row.delay_then_ns = tick.delay_then_ns;
  row.delay_min_ns = tick.delay_min_ns;
  row.delay_sum = tick.delay_sum;
  row.delay_weight = tick.delay_weight;
  row.fill_then_ns = terms.fill_then_ns;
  row.fill_sum = terms.fill_sum;
  row.fill_weight = terms.fill_weight;
  row.ack_then_ns = terms.ack_then_ns;
  row.ack_sum = terms.ack_sum;
  row.ack_weight = terms.ack_weight;
}

void put_row(Encoder& encoder, const Books& books, std::size_t instrument, std::size_t venue) {
  const Tick& tick = books.tick(instrument, venue);
  const Terms& terms = books.terms(instrument, venue);
  const Deep& deep = books.deep(instrument, venue);
  const Contract& contract = books.contract(instrument, venue);
  state::Row row{};
  row.listed = books[instrument].listed >> venue & 1;
  row.status = terms.status;
  row.modelled = books[instrument].modelled >> venue & 1;
  row.dirty = books[instrument].dirty >> venue & 1;
  row.fee_known = terms.fee_known;
  row.tick_nanos = contract.tick_nanos;
  row.lot_units = terms.lot_units;
  row.min_units = terms.min_units;
  for (std::size_t code = 0; code < kLiquidityCodes; ++code) {
    row.fees[code] = {contract.fee_fixed_nanos[code], contract.fee_rate_e9[code]};
  }
  put_statistics(row, tick, terms);
  row.levels[0] = {tick.touch[0].nanos, tick.touch[0].units, tick.touch[1].nanos,
                   tick.touch[1].units};
  for (std::size_t l = 1; l < kMaxLevels; ++l) {
    const Level bid = deep.level(0, l);
    const Level ask = deep.level(1, l);
    row.levels[l] = {bid.nanos, bid.units, ask.nanos, ask.units};
  }
  encoder.put(row);
}

void put_books(Encoder& encoder, const Shard& shard) {
  for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
    const Book& book = shard.books[instrument];
    encoder.put(book.record);
    encoder.put(book.limits);
    encoder.put(state::BookTail{book.has_limits, book.killed, {}});
    for (std::size_t venue = 0; venue < shard.tables.venues(); ++venue) {
      put_row(encoder, shard.books, instrument, venue);
    }
  }
}

void put_identity(Encoder& encoder, const Identity& identity) {
  state::Identity record{};
  std::memcpy(record.account, identity.key.account, sizeof record.account);
  std::memcpy(record.cl_ord_id, identity.key.cl_ord_id, sizeof record.cl_ord_id);
  record.instrument = static_cast<std::uint32_t>(identity.key.instrument);
  record.digest = identity.digest;
  record.transact_ns = identity.transact_ns;
  record.order_id = identity.order_id;
  record.decision_id = identity.decision_id;
  encoder.put(record);
}

void put_child(Encoder& encoder, const Child& child) {
  state::Child record{};
  record.child_id = child.child_id;
  record.decision_id = child.decision_id;
  record.units = child.units;
  record.limit_nanos = child.limit_nanos;
  record.displayed_units = child.displayed_units;
  record.sent_ns = child.sent_ns;
  record.cum_units = child.cum_units;
  record.trades = count(child.trades.size());
  record.venue = child.venue;
  record.state = number(child.state);
  record.time_in_force = child.time_in_force;
  record.acked = child.acked;
  encoder.put(record);
  for (const state::Trade& trade : child.trades) encoder.put(trade);
}

void put_order(Encoder& encoder, const Order& order) {
  state::Order record{};
  record.record = order.record;
  record.order_id = order.order_id;
  record.decision_id = order.decision_id;
  record.limit_nanos = order.limit_nanos;
  record.arrival_bid_nanos = order.arrival_bid_nanos;
  record.arrival_ask_nanos = order.arrival_ask_nanos;
  record.cum_units = order.cum_units;
  record.notional_lo = low_word(order.notional);
  record.notional_hi = high_word(order.notional);
  record.fee_lo = low_word(order.fee_nanos);
  record.fee_hi = high_word(order.fee_nanos);
  record.retry_due_ns = order.retry_due_ns;
  record.policy = order.policy;
  record.attempts = order.attempts;
  record.children = order.children_count;
  record.state = number(order.state);
  record.end_reason = number(order.end_reason);
  for (std::size_t venue = 0; venue < kMaxVenues; ++venue) {
    record.visited[venue] = order.visited_seq(venue);
  }
  encoder.put(record);
  for (const Child* child = order.first_child; child != nullptr; child = child->next) {
    put_child(encoder, *child);
  }
}

}  // namespace

std::vector<std::uint8_t> encode_state(const Shard& shard) {
  Encoder encoder;
  encoder.bytes.reserve(shard.books.size() * (sizeof(state::Row) * shard.tables.venues() + 512) +
                        shard.identities.size() * sizeof(state::Identity) + (1 << 16));
  put_head(encoder, shard);
  for (const Source& source : shard.sources) encoder.put(source);
  for (const std::uint64_t counter : shard.counters) encoder.put(counter);
  put_tables(encoder, shard.tables);
  put_books(encoder, shard);
  shard.identities.each_by_age(
      [&](const Identity& identity) { put_identity(encoder, identity); });
  for (const std::uint64_t id : shard.orders.ids()) put_order(encoder, *shard.orders.find(id));
  for (const state::Timer& timer : shard.timers.sorted()) encoder.put(timer);
  for (const Target& target : shard.killed_clients) encoder.put(target);
  for (const Target& target : shard.killed_accounts) encoder.put(target);
  return std::move(encoder.bytes);
}

}  // namespace venuefold

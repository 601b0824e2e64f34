// The way back from a state's bytes. Whatever they hold, ids that index memory are checked.
#include "shard.hpp"
#include "state.hpp"

namespace venuefold {
namespace {

// Reads values one after the other; StateError when the bytes end too early.
class Cursor {
 public:
  Cursor(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}

  template <class Value>
  Value read() {
    Value value;
    take(value);
    return value;
  }
  template <class Value>
  void take(Value& value) {
    if (size_ - offset_ < sizeof value) {
      throw StateError("state ends at byte " + std::to_string(size_) +
                       "; take an older snapshot");
    }
    std::memcpy(static_cast<void*>(&value), data_ + offset_, sizeof value);
    offset_ += sizeof value;
  }
  // A record that its own rules must accept; `what` names it.
  template <class Value>
  Value read_valid(const char* what) {
    const Value value = read<Value>();
    check(is_valid(value), what);
    return value;
  }
  void check(bool holds, const char* what) const {
    if (!holds) {
      throw StateError(std::string("state holds no valid ") + what + " before byte " +
                       std::to_string(offset_) + "; take an older snapshot");
    }
  }
  void check_end() const { check(offset_ == size_, "end"); }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
  std::size_t offset_ = 0;
};

state::Head read_head(Cursor& cursor) {
  const auto head = cursor.read<state::Head>();
  if (std::memcmp(head.magic, "SORSTATE", sizeof head.magic) != 0 || head.version != 1) {
    throw StateError("not a state of format 1; it needs the engine that wrote it");
  }
  cursor.check(head.shard <= 0xFFFF && head.venues <= kMaxVenues &&
                   head.instruments <= kMaxInstruments && head.log_ns >= 0 &&
                   head.log_ns <= kMaxTimeNs,
               "head");
  return head;
}

void take_head(Shard& shard, const state::Head& head) {
  shard.id = static_cast<std::uint16_t>(head.shard);
  shard.seq = head.seq;
  shard.log_ns = head.log_ns;
  shard.out_seq = head.out_seq;
  shard.reference_version = head.reference_version;
  shard.reference_seen = head.reference_seen;
  shard.quality_seq = head.quality_seq;
  shard.next_child_id = head.next_child_id;
  shard.publish_due_ns = head.publish_due_ns;
  shard.oldest_ns = head.oldest_ns;
  std::memcpy(shard.activated, head.activated, sizeof head.activated);
  shard.kill_all = head.kill_all != 0;
}

void take_tables(Shard& shard, const state::Head& head, Cursor& cursor) {
  shard.tables.put_settings(cursor.read_valid<Settings>("settings"));
  for (std::uint32_t id = 0; id < head.venues; ++id) {
    const auto record = cursor.read<Venue>();
    const Reason reason = shard.tables.put_venue(static_cast<std::uint8_t>(id), record);
    cursor.check(reason == Reason::NONE, "venue");
    const auto tail = cursor.read<state::VenueTail>();
    shard.tables.set_status(id, tail.status);
    shard.tables.set_killed(id, tail.killed != 0);
    shard.books.add_venue();
  }
  for (std::uint32_t i = 0; i < head.policies; ++i) {
    shard.tables.put_policy(cursor.read_valid<Policy>("policy"));
  }
}

void take_statistics(const state::Row& row, Tick& tick, Terms& terms) {
  tick.quote_ns = row.quote_ns;
  tick.quote_seq = row.quote_seq;
  std::copy_n(row.in_flight, 2, terms.in_flight);
  std::copy_n(row.unreflected, 2, tick.unreflected);
  tick.quotes = row.quotes;
  tick.trades = row.trades;
  terms.fills = row.fills;
  tick.then_ns = row.then_ns;
  tick.observed = row.observed;
  tick.bid_time = row.bid_time;
  tick.ask_time = row.ask_time;
  tick.spread_time = row.spread_time;
  tick.two_sided_time = row.two_sided_time;
  tick.at_bid_time = row.at_bid_time;
  tick.at_ask_time = row.at_ask_time;
  tick.delay_then_ns = row.delay_then_ns;
  tick.delay_min_ns = row.delay_min_ns;
  tick.delay_sum = row.delay_sum;
  tick.delay_weight = row.delay_weight;
  terms.fill_then_ns = row.fill_then_ns;
  terms.fill_sum = row.fill_sum;
  terms.fill_weight = row.fill_weight;
  terms.ack_then_ns = row.ack_then_ns;
  terms.ack_sum = row.ack_sum;
  terms.ack_weight = row.ack_weight;
}

void take_row(Books& books, std::size_t instrument, std::size_t venue, Cursor& cursor) {
  const auto row = cursor.read<state::Row>();
  cursor.check(row.lot_units >= 1 && row.fee_known < 1u << kLiquidityCodes, "row");
  // Grid steps of times outside the engine's would be negative or beyond the table.
  for (const std::int64_t time_ns :
       {row.quote_ns, row.then_ns, row.delay_then_ns, row.fill_then_ns, row.ack_then_ns}) {
    cursor.check(time_ns >= 0 && time_ns <= kMaxTimeNs, "row");
  }
  Book& book = books[instrument];
  Tick& tick = books.tick(instrument, venue);
  Terms& terms = books.terms(instrument, venue);
  Deep& deep = books.deep(instrument, venue);
  book.modelled |= std::uint64_t{row.modelled != 0} << venue;
  book.dirty |= std::uint64_t{row.dirty != 0} << venue;
  book.listed |= std::uint64_t{row.listed != 0} << venue;
  books.set_status(instrument, venue, row.status);
  terms.lot_units = row.lot_units;
  terms.min_units = row.min_units;
  books.contract(instrument, venue).tick_nanos = row.tick_nanos;
  for (std::uint8_t code = 0; code < kLiquidityCodes; ++code) {
    books.set_fee(instrument, venue, code, row.fees[code].fixed_nanos, row.fees[code].rate_e9);
  }
  terms.fee_known = static_cast<std::uint8_t>(row.fee_known);
  take_statistics(row, tick, terms);
  tick.touch[0] = {row.levels[0].bid_nanos, row.levels[0].bid_units};
  tick.touch[1] = {row.levels[0].ask_nanos, row.levels[0].ask_units};
  for (std::size_t l = 1; l < kMaxLevels; ++l) {
    deep.level(0, l) = {row.levels[l].bid_nanos, row.levels[l].bid_units};
    deep.level(1, l) = {row.levels[l].ask_nanos, row.levels[l].ask_units};
  }
}

void take_books(Shard& shard, const state::Head& head, Cursor& cursor) {
  for (std::uint32_t instrument = 0; instrument < head.instruments; ++instrument) {
    const auto record = cursor.read_valid<Instrument>("instrument");
    shard.books.add_instrument();
    Book& book = shard.books[instrument];
    book.record = record;
    cursor.take(book.limits);
    const auto tail = cursor.read<state::BookTail>();
    book.has_limits = tail.has_limits != 0;
    book.killed = tail.killed != 0;
    for (std::uint32_t venue = 0; venue < head.venues; ++venue) {
      take_row(shard.books, instrument, venue, cursor);
    }
    shard.books.rebuild_best(instrument);
  }
  shard.books.regrid(shard.tables);
}

void take_identity(Shard& shard, Cursor& cursor) {
  const auto record = cursor.read<state::Identity>();
  const IdentityKey key(record.account, record.cl_ord_id, record.instrument);
  cursor.check(shard.identities.find(key) == nullptr, "identity");
  Identity& identity = shard.identities.add(key);
  identity.digest = record.digest;
  identity.transact_ns = record.transact_ns;
  identity.order_id = record.order_id;
  identity.decision_id = record.decision_id;
}

void take_child(Shard& shard, Order& order, Cursor& cursor) {
  const auto record = cursor.read<state::Child>();
  cursor.check(shard.children.find(record.child_id) == nullptr &&
                   record.venue < shard.tables.venues(),
               "child");
  Child& child = shard.children.add(record.child_id);
  child.decision_id = record.decision_id;
  child.order = &order;
  child.units = record.units;
  child.limit_nanos = record.limit_nanos;
  child.displayed_units = record.displayed_units;
  child.sent_ns = record.sent_ns;
  child.cum_units = record.cum_units;
  child.venue = record.venue;
  child.state = static_cast<ChildState>(record.state);
  child.time_in_force = record.time_in_force;
  child.acked = record.acked != 0;
  for (std::uint32_t i = 0; i < record.trades; ++i) child.add_trade(cursor.read<state::Trade>());
  order.add_child(child);
}

void take_order(Shard& shard, Cursor& cursor) {
  const auto record = cursor.read<state::Order>();
  cursor.check(shard.orders.find(record.order_id) == nullptr &&
                   record.record.instrument < shard.books.size() &&
                   shard.tables.policy(record.policy) != nullptr,
               "order");
  Order& order = shard.orders.add(record.order_id);
  order.record = record.record;
  order.decision_id = record.decision_id;
  order.limit_nanos = record.limit_nanos;
  order.arrival_bid_nanos = record.arrival_bid_nanos;
  order.arrival_ask_nanos = record.arrival_ask_nanos;
  order.cum_units = record.cum_units;
  order.notional = join_128(record.notional_lo, record.notional_hi);
  order.fee_nanos = join_128(record.fee_lo, record.fee_hi);
  order.retry_due_ns = record.retry_due_ns;
  order.policy = record.policy;
  order.attempts = record.attempts;
  order.state = static_cast<OrderState>(record.state);
  order.end_reason = static_cast<Reason>(record.end_reason);
  for (std::size_t venue = 0; venue < kMaxVenues; ++venue) {
    if (record.visited[venue] != 0) order.visit(venue, record.visited[venue]);
  }
  for (std::uint32_t i = 0; i < record.children; ++i) take_child(shard, order, cursor);
  shard.open_orders += !is_final(order.state);
}

}  // namespace

std::unique_ptr<Shard> decode_state(const std::uint8_t* data, std::size_t size,
                                    const std::string& generation) {
  Cursor cursor(data, size);
  const state::Head head = read_head(cursor);
  auto shard = std::make_unique<Shard>(std::uint16_t{0}, generation);
  take_head(*shard, head);
  cursor.take(shard->sources);
  cursor.take(shard->counters);
  take_tables(*shard, head, cursor);
  take_books(*shard, head, cursor);
  for (std::uint32_t i = 0; i < head.identities; ++i) take_identity(*shard, cursor);
  for (std::uint32_t i = 0; i < head.orders; ++i) take_order(*shard, cursor);
  for (std::uint32_t i = 0; i < head.timers; ++i) {
    shard->timers.push(cursor.read<state::Timer>());
  }
  for (std::uint32_t i = 0; i < head.killed_clients; ++i) {
    shard->killed_clients.insert(cursor.read<Target>());
  }
  for (std::uint32_t i = 0; i < head.killed_accounts; ++i) {
    shard->killed_accounts.insert(cursor.read<Target>());
  }
  cursor.check_end();
  return shard;
}

}  // namespace venuefold

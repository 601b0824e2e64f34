// The way back from a state's bytes. Whatever they hold, ids that index memory are checked.
#include "inventory.hpp"
#include "shard.hpp"
#include "state.hpp"
#include "state_quality.hpp"

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
  for (const std::int64_t due_ns : head.grid_due_ns) cursor.check(due_ns >= head.log_ns, "head");
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
  shard.next_markout_id = head.next_markout_id;
  for (std::size_t grid = 0; grid < kGrids; ++grid) shard.grids.set(grid, head.grid_due_ns[grid]);
  shard.oldest_ns = head.oldest_ns;
  std::memcpy(shard.activated, head.activated, sizeof head.activated);
  shard.kill_all = head.kill_all != 0;
}

void take_fees(Shard& shard, const state::Head& head, Cursor& cursor) {
  Fees& fees = shard.tables.fees();
  const auto counts = cursor.read<state::Fees>();
  cursor.check(counts.lines <= kMaxFeeLines && counts.billings <= kMaxBillings, "fees");
  for (std::uint64_t i = 0; i < counts.lines; ++i) {
    const auto line = cursor.read_valid<FeeTier>("fee line");
    const bool placed = line.instrument < head.instruments || line.instrument == kInstrumentNone;
    cursor.check(line.venue < head.venues && placed, "fee line");
    fees.put_line(line);
  }
  for (std::uint64_t i = 0; i < counts.billings; ++i) {
    const auto billing = cursor.read_valid<Billing>("billing");
    cursor.check(billing.venue < head.venues, "billing");
    fees.put_billing(billing);
  }
}

void take_tables(Shard& shard, const state::Head& head, Cursor& cursor) {
  shard.tables.put_settings(cursor.read_valid<Settings>("settings"));
  for (std::uint32_t id = 0; id < head.venues; ++id) {
    const auto record = cursor.read<Venue>();
    const Reason reason = shard.tables.put_venue(static_cast<std::uint8_t>(id), record);
    cursor.check(reason == Reason::NONE, "venue");
    const auto tail = cursor.read<state::VenueTail>();
    shard.tables.set_status(id, tail.status);
    shard.tables.set_killed(id, tail.killed);
    shard.tables.set_self_help(id, tail.self_help != 0);
    const Reason prior = shard.tables.put_prior(id, tail.wide_fill_e9, tail.wide_ack_ns);
    cursor.check(prior == Reason::NONE, "venue prior");
    shard.books.add_venue();
    shard.venues.add();
    const auto quality = cursor.read<state::Venue>();
    cursor.check(state::decode_venue(quality, shard.venues, id), "venue quality");
  }
  for (std::uint32_t i = 0; i < head.policies; ++i) {
    shard.tables.put_policy(cursor.read_valid<Policy>("policy"));
  }
  for (std::uint32_t i = 0; i < head.postings; ++i) {
    shard.tables.put_posting(cursor.read_valid<Posting>("posting"));
  }
  take_fees(shard, head, cursor);
}

void take_books(Shard& shard, const state::Head& head, Cursor& cursor) {
  for (std::uint32_t instrument = 0; instrument < head.instruments; ++instrument) {
    const auto record = cursor.read_valid<Instrument>("instrument");
    shard.books.add_instrument();
    Book& book = shard.books[instrument];
    book.describe(record);
    cursor.take(book.limits);
    const auto tail = cursor.read<state::BookTail>();
    book.has_limits = tail.has_limits != 0;
    book.killed = tail.killed;
    book.mid_x2 = tail.mid_x2;
    book.mid_ns = tail.mid_ns;
    book.fill_ns = tail.fill_ns;
    cursor.check(within(0, tail.mid_ns, kMaxTimeNs) &&
                     within(0, tail.mid_x2, 2 * kMaxPriceNanos),
                 "mid");
    for (Moments& drift : book.drift) {
      cursor.check(state::decode(cursor.read<state::Moments>(), drift), "drift");
    }
    for (std::uint32_t venue = 0; venue < head.venues; ++venue) {
      const auto row = cursor.read<state::Row>();
      cursor.check(state::decode_row(row, shard.books, instrument, venue), "row");
    }
    shard.books.rebuild_best(instrument);
  }
}

void take_timer(Shard& shard, Cursor& cursor) {
  const auto timer = cursor.read<state::Timer>();
  cursor.check(timer.due_ns >= shard.log_ns, "timer");
  shard.timers.push(timer);
}

void take_markout(Shard& shard, Cursor& cursor) {
  const auto record = cursor.read<state::Markout>();
  const bool control = record.kind == number(MarkoutKind::CONTROL);
  cursor.check(shard.markouts.find(record.markout_id) == nullptr &&
                   record.instrument < shard.books.size() &&
                   record.kind <= number(MarkoutKind::CONTROL) &&
                   (control || record.venue < shard.tables.venues()) &&
                   (record.sign == 1 || record.sign == -1) &&
                   within(1, record.mid_x2, 2 * kMaxPriceNanos) &&
                   within(0, record.price_nanos, kMaxPriceNanos),
               "markout");
  shard.markouts.add(record.markout_id) = {
      record.markout_id, record.price_nanos, record.mid_x2, record.start_ns,
      record.instrument, record.venue,       record.kind,   record.sign};
}

void take_hazard(Shard& shard, Cursor& cursor) {
  const auto instrument = cursor.read<std::uint32_t>();
  const auto venue = cursor.read<std::uint32_t>();
  const bool placed = instrument < shard.books.size() || instrument == kInstrumentNone;
  cursor.check(placed && venue < shard.tables.venues(), "hazard");
  Hazard& hazard = shard.hazards[{instrument, venue}];
  cursor.take(hazard);
  cursor.check(within(0, hazard.then_ns, kMaxTimeNs), "hazard");
}

void take_opening(Shard& shard, Cursor& cursor) {
  const auto instrument = cursor.read<std::uint32_t>();
  const auto venue = cursor.read<std::uint32_t>();
  cursor.check(instrument < shard.books.size() && venue < shard.tables.venues(), "opening");
  std::vector<Opening>& kept = shard.openings[{instrument, venue}];
  cursor.check(kept.size() < kOpeningSlots, "opening");
  cursor.take(kept.emplace_back());
  const Opening& opening = kept.back();
  cursor.check(opening.days > 0.0 && within(0, opening.slot_ns, kDayNs) &&
                   within(0, opening.then_ns, kMaxTimeNs),
               "opening");
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
  child.mid_x2 = record.mid_x2;
  child.far_nanos = record.far_nanos;
  child.cum_units = record.cum_units;
  child.venue = record.venue;
  child.state = static_cast<ChildState>(record.state);
  child.time_in_force = record.time_in_force;
  child.acked = record.acked != 0;
  child.busted_units = record.busted_units;
  child.pending_units = record.pending_units;
  child.pending_nanos = record.pending_nanos;
  child.due_ns = record.due_ns;
  child.min_units = record.min_units;
  child.reports = record.reports;
  child.exec_inst = record.exec_inst;
  child.queries = record.queries;
  child.reason = static_cast<Reason>(record.reason);
  cursor.check(record.queue < kHazardBuckets && within(0, record.rest_ns, kMaxTimeNs) &&
                   within(0, record.age_ns, kMaxTimeNs),
               "child");
  child.queue = record.queue;
  child.rest_ns = record.rest_ns;
  child.age_ns = record.age_ns;
  child.ended_ns = record.ended_ns;
  child.ended_venue_ns = record.ended_venue_ns;
  child.ended_units = record.ended_units;
  child.rested = record.rested != 0;
  for (std::uint32_t i = 0; i < record.trades; ++i) {
    const auto trade = cursor.read<state::Trade>();
    cursor.check(trade.cell < kHazardCells || trade.cell == kNoCell, "trade");
    child.add_trade(trade);
  }
  order.add_child(child);
  shard.books[order.record.instrument].open_children += is_open(child.state);
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
  order.posts = record.posts;
  order.expire_due_ns = record.expire_due_ns;
  if (record.amends != 0) order.amendment = std::make_unique<NewOrder>(cursor.read<NewOrder>());
  for (std::size_t venue = 0; venue < kMaxVenues; ++venue) {
    if (record.visited[venue] != 0) order.visit(venue, record.visited[venue]);
  }
  for (std::uint32_t i = 0; i < record.children; ++i) take_child(shard, order, cursor);
  shard.open_orders += !is_final(order.state);
}

void take_times(std::deque<std::int64_t>& times, std::uint32_t count, Cursor& cursor) {
  for (std::uint32_t i = 0; i < count; ++i) times.push_back(cursor.read<std::int64_t>());
}

void take_positions(Shard& shard, std::uint32_t count, Cursor& cursor) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto record = cursor.read<state::Position>();
    const auto instrument = static_cast<std::uint32_t>(record.instrument);
    cursor.check(record.instrument < shard.books.size(), "position");
    Position* position = shard.accounts.position(record.account, instrument);
    cursor.check(position != nullptr, "position");
    position->net_units = record.net_units;
    position->bought_units = record.bought_units;
    position->sold_units = record.sold_units;
    position->notional = join_128(record.notional_lo, record.notional_hi);
    position->fee_nanos = join_128(record.fee_lo, record.fee_hi);
    if (record.keeps != 0) position->holdings = std::make_unique<Holdings>();
    for (std::uint32_t h = 0; h < record.holdings; ++h) {
      const auto holding = cursor.read<state::Holding>();
      cursor.check(record.keeps != 0 && holding.venue < shard.tables.venues(), "holding");
      (*position->holdings)[holding.venue].units = holding.units;
    }
  }
}

// Accounts, positions, recent terms and trades that wait for a copy; after the parents are there.
void take_accounts(Shard& shard, const state::Head& head, Cursor& cursor) {
  shard.compares_copies = head.compares_copies != 0;
  for (std::uint32_t i = 0; i < head.accounts; ++i) {
    const auto record = cursor.read_valid<AccountLimits>("account");
    const auto tail = cursor.read<state::AccountTail>();
    AccountState& account = shard.accounts.limits[Target(record.account)];
    account.record = record;
    account.throttled = tail.throttled != 0;
    account.budget_ones = tail.budget_ones;
    account.told_ones = tail.told_ones;
    account.wanted_ones = tail.wanted_ones;
    account.budget_seq = tail.budget_seq;
    take_times(account.messages, tail.messages, cursor);
    take_times(account.sends, tail.sends, cursor);
  }
  take_positions(shard, head.positions, cursor);
  for (std::uint32_t i = 0; i < head.recent; ++i) {
    const auto record = cursor.read<state::Recent>();
    cursor.check(shard.recent.times.count(record.digest) == 0, "recent");
    shard.recent.add(record.digest, record.sent_ns);
  }
  for (std::uint32_t i = 0; i < head.copies; ++i) {
    const auto record = cursor.read<state::Copy>();
    shard.copies[{record.child_id, record.trade_id}] = {
        record.order_id, record.units, record.nanos,
        record.instrument, record.venue, record.is_ours != 0};
  }
  for (const std::uint64_t id : shard.orders.ids()) {
    Order& order = *shard.orders.find(id);
    order.position = shard.accounts.position(order.record.account, order.record.instrument);
    cursor.check(order.position != nullptr, "position");
    accounts::reserve(order);
    inventory::count_reserved(order);
  }
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
  cursor.take(shard->markout_drops);
  take_tables(*shard, head, cursor);
  take_books(*shard, head, cursor);
  shard->follow_grids();
  for (std::uint32_t i = 0; i < head.identities; ++i) take_identity(*shard, cursor);
  for (std::uint32_t i = 0; i < head.orders; ++i) take_order(*shard, cursor);
  for (std::uint32_t i = 0; i < head.timers; ++i) take_timer(*shard, cursor);
  for (std::uint32_t i = 0; i < head.markouts; ++i) take_markout(*shard, cursor);
  for (std::uint32_t i = 0; i < head.killed_clients; ++i) {
    shard->killed_clients.insert(cursor.read<Target>());
  }
  for (std::uint32_t i = 0; i < head.killed_accounts; ++i) {
    shard->killed_accounts.insert(cursor.read<Target>());
  }
  for (std::uint32_t i = 0; i < head.killed_traders; ++i) {
    shard->killed_traders.insert(cursor.read<Target>());
  }
  for (std::uint32_t i = 0; i < head.suspended_accounts; ++i) {
    shard->suspended_accounts.insert(cursor.read<Target>());
  }
  for (std::uint32_t i = 0; i < head.hazards; ++i) take_hazard(*shard, cursor);
  for (std::uint32_t i = 0; i < head.openings; ++i) take_opening(*shard, cursor);
  take_accounts(*shard, head, cursor);
  cursor.check_end();
  return shard;
}

}  // namespace venuefold

#include "state.hpp"

#include "shard.hpp"
#include "state_quality.hpp"

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
  head.next_markout_id = shard.next_markout_id;
  std::copy_n(shard.grids.due_ns().begin(), kGrids, head.grid_due_ns);
  head.oldest_ns = shard.oldest_ns;
  std::memcpy(head.activated, shard.activated, sizeof head.activated);
  head.kill_all = shard.kill_all;
  head.venues = count(shard.tables.venues());
  head.instruments = count(shard.books.size());
  head.policies = count(shard.tables.policies());
  head.identities = count(shard.identities.size());
  head.orders = count(shard.orders.size());
  head.timers = count(shard.timers.size());
  head.markouts = count(shard.markouts.size());
  head.hazards = count(shard.hazards.size());
  for (const auto& [place, kept] : shard.openings) head.openings += count(kept.size());
  head.killed_clients = count(shard.killed_clients.size());
  head.killed_accounts = count(shard.killed_accounts.size());
  head.killed_traders = count(shard.killed_traders.size());
  head.suspended_accounts = count(shard.suspended_accounts.size());
  head.postings = count(shard.tables.postings());
  head.accounts = count(shard.accounts.limits.size());
  head.positions = count(shard.accounts.positions.size());
  head.recent = count(shard.recent.by_age.size());
  head.copies = count(shard.copies.size());
  head.compares_copies = shard.compares_copies;
  encoder.put(head);
}

void put_tables(Encoder& encoder, const Shard& shard) {
  const Tables& tables = shard.tables;
  encoder.put(tables.settings());
  for (std::size_t id = 0; id < tables.venues(); ++id) {
    const VenueEntry& entry = tables.venue(id);
    encoder.put(entry.record);
    encoder.put(state::VenueTail{entry.status, entry.killed, entry.self_help, {},
                                 entry.wide_fill_e9, entry.wide_ack_ns});
    encoder.put(state::encode_venue(shard.venues, id));
  }
  for (std::uint32_t id = 0; id <= kMaxPolicies; ++id) {
    if (const Policy* policy = tables.policy(id)) encoder.put(*policy);
  }
  for (std::uint32_t id = 0; id <= kMaxPolicies; ++id) {
    if (const Posting* posting = tables.posting(id)) encoder.put(*posting);
  }
  const Fees& fees = tables.fees();
  encoder.put(state::Fees{fees.lines().size(), fees.billings().size()});
  for (const auto& [key, line] : fees.lines()) encoder.put(line);
  for (const auto& [key, billing] : fees.billings()) encoder.put(billing);
}

void put_books(Encoder& encoder, const Shard& shard) {
  for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
    const Book& book = shard.books[instrument];
    encoder.put(book.record);
    encoder.put(book.limits);
    encoder.put(state::BookTail{
        book.has_limits, book.killed, {}, book.mid_x2, book.mid_ns, book.fill_ns});
    for (const Moments& drift : book.drift) encoder.put(state::encode(drift));
    for (std::size_t venue = 0; venue < shard.tables.venues(); ++venue) {
      encoder.put(state::encode_row(shard.books, instrument, venue));
    }
  }
}

void put_markout(Encoder& encoder, const Markout& markout) {
  encoder.put(state::Markout{markout.markout_id, markout.price_nanos, markout.mid_x2,
                             markout.start_ns, markout.instrument, markout.venue, markout.kind,
                             markout.sign, {}});
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
  record.mid_x2 = child.mid_x2;
  record.far_nanos = child.far_nanos;
  record.cum_units = child.cum_units;
  record.busted_units = child.busted_units;
  record.pending_units = child.pending_units;
  record.pending_nanos = child.pending_nanos;
  record.due_ns = child.due_ns;
  record.min_units = child.min_units;
  record.reports = child.reports;
  record.exec_inst = child.exec_inst;
  record.queries = child.queries;
  record.reason = number(child.reason);
  record.queue = child.queue;
  record.rest_ns = child.rest_ns;
  record.age_ns = child.age_ns;
  record.ended_ns = child.ended_ns;
  record.ended_venue_ns = child.ended_venue_ns;
  record.ended_units = child.ended_units;
  record.rested = child.rested;
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
  record.amends = order.amendment != nullptr;
  record.posts = order.posts;
  record.expire_due_ns = order.expire_due_ns;
  for (std::size_t venue = 0; venue < kMaxVenues; ++venue) {
    record.visited[venue] = order.visited_seq(venue);
  }
  encoder.put(record);
  if (order.amendment != nullptr) encoder.put(*order.amendment);
  for (const Child* child = order.first_child; child != nullptr; child = child->next) {
    put_child(encoder, *child);
  }
}

// Holdings of a size other than 0 follow where inventory is kept.
void put_position(Encoder& encoder, state::Position record, const Holdings* holdings) {
  std::vector<state::Holding> held;
  for (std::size_t venue = 0; holdings != nullptr && venue < kMaxVenues; ++venue) {
    const std::int64_t units = (*holdings)[venue].units;
    if (units != 0) held.push_back({venue, units});
  }
  record.keeps = holdings != nullptr;
  record.holdings = count(held.size());
  encoder.put(record);
  for (const state::Holding& holding : held) encoder.put(holding);
}

// What is open or reserved of a position follows from the parents.
void put_accounts(Encoder& encoder, const Shard& shard) {
  for (const auto& [name, account] : shard.accounts.limits) {
    encoder.put(account.record);
    encoder.put(state::AccountTail{account.throttled, count(account.messages.size()),
                                   count(account.sends.size()), account.budget_ones,
                                   account.told_ones, account.wanted_ones, account.budget_seq});
    for (const std::int64_t time_ns : account.messages) encoder.put(time_ns);
    for (const std::int64_t time_ns : account.sends) encoder.put(time_ns);
  }
  for (const auto& [key, position] : shard.accounts.positions) {
    state::Position record{};
    std::memcpy(record.account, key.account.name.data(), sizeof record.account);
    record.instrument = key.instrument;
    record.net_units = position.net_units;
    record.bought_units = position.bought_units;
    record.sold_units = position.sold_units;
    record.notional_lo = low_word(position.notional);
    record.notional_hi = high_word(position.notional);
    record.fee_lo = low_word(position.fee_nanos);
    record.fee_hi = high_word(position.fee_nanos);
    put_position(encoder, record, position.holdings.get());
  }
  for (const std::uint64_t digest : shard.recent.by_age) {
    encoder.put(state::Recent{digest, shard.recent.times.at(digest)});
  }
  for (const auto& [key, copy] : shard.copies) {
    encoder.put(state::Copy{key.first, key.second, copy.order_id, copy.units, copy.nanos,
                            copy.instrument, copy.venue, copy.is_ours, {}});
  }
}

}  // namespace

std::vector<std::uint8_t> encode_state(const Shard& shard) {
  Encoder encoder;
  encoder.bytes.reserve(shard.books.size() * (sizeof(state::Row) * shard.tables.venues() + 512) +
                        shard.identities.size() * sizeof(state::Identity) + (1 << 16));
  put_head(encoder, shard);
  for (const Source& source : shard.sources) encoder.put(source);
  encoder.put(shard.counters);
  encoder.put(shard.markout_drops);
  put_tables(encoder, shard);
  put_books(encoder, shard);
  shard.identities.each_by_age(
      [&](const Identity& identity) { put_identity(encoder, identity); });
  for (const std::uint64_t id : shard.orders.ids()) put_order(encoder, *shard.orders.find(id));
  for (const state::Timer& timer : shard.timers.sorted()) encoder.put(timer);
  for (const std::uint64_t id : shard.markouts.ids()) {
    put_markout(encoder, *shard.markouts.find(id));
  }
  for (const Target& target : shard.killed_clients) encoder.put(target);
  for (const Target& target : shard.killed_accounts) encoder.put(target);
  for (const Target& target : shard.killed_traders) encoder.put(target);
  for (const Target& target : shard.suspended_accounts) encoder.put(target);
  for (const auto& [place, hazard] : shard.hazards) {
    encoder.put(place.first);
    encoder.put(place.second);
    encoder.put(hazard);
  }
  for (const auto& [place, kept] : shard.openings) {
    for (const Opening& opening : kept) {
      encoder.put(place.first);
      encoder.put(place.second);
      encoder.put(opening);
    }
  }
  put_accounts(encoder, shard);
  return std::move(encoder.bytes);
}

}  // namespace venuefold

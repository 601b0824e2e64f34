#include "accounts.hpp"

#include "shard.hpp"

namespace venuefold {
namespace {

constexpr std::int64_t kMaxWindowNs = std::int64_t{1} << 55;
constexpr std::int64_t kPositionBound = std::int64_t{1} << 62;

std::int64_t bounded(std::int64_t units) {
  return std::max(-kPositionBound, std::min(kPositionBound, units));
}

bool count(std::deque<std::int64_t>& times, std::int64_t now_ns, std::int64_t window_ns,
           std::uint32_t most) {
  while (times.size() > most) times.pop_front();
  if (times.size() == most) {
    if (times.front() > now_ns - window_ns) return false;
    times.pop_front();
  }
  times.push_back(now_ns);
  return true;
}

}  // namespace

bool is_valid(const AccountLimits& record) {
  return has_text(record.account) && within(0, record.max_gross_ones, kMaxOnes) &&
         within(0, record.max_net_ones, kMaxOnes) && within(0, record.rate_ns, kMaxWindowNs) &&
         within(0, record.throttle_ns, kMaxWindowNs) && record.rate_max <= kMaxRate &&
         record.throttle_max <= kMaxRate && record.budgeted <= (record.max_gross_ones != 0 ? 1 : 0);
}

Position* Accounts::position(const char (&name)[16], std::uint32_t instrument) {
  const PositionKey key{Target(name), instrument};
  const std::uint32_t hash = key.hash();
  const Slot slot = index_.find(hash, [&](Slot at) { return places_[at]->first == key; });
  if (slot != kNoSlot) return &places_[slot]->second;
  if (positions.size() >= kMaxPositions) return nullptr;
  index_.insert(hash, static_cast<Slot>(places_.size()));
  places_.push_back(&*positions.try_emplace(key).first);
  return &places_.back()->second;
}

namespace accounts {

int128 gross_ones(const Shard& shard, const Target& name, std::uint32_t own,
                  std::int64_t added_units, std::int64_t mid_x2) {
  int128 total = 0;
  auto item = shard.accounts.positions.lower_bound({name, 0});
  for (; item != shard.accounts.positions.end() && !(name < item->first.account); ++item) {
    const std::uint32_t instrument = item->first.instrument;
    const Book& book = shard.books[instrument];
    const Position& position = item->second;
    int128 exposed = position.net_units < 0 ? -int128{position.net_units} : position.net_units;
    exposed += position.open_units[0];
    exposed += position.open_units[1];
    if (instrument == own) exposed += added_units;
    const std::int64_t price_x2 = instrument == own ? mid_x2 : book.mid_x2;
    total -= floor_div(-exposed * price_x2, int128{2 * kE9} * book.record.units_per_one);
  }
  return total;
}

Reason put(Shard& shard, const AccountLimits& record) {
  if (!is_valid(record)) return Reason::BAD_VALUE;
  AccountState* known = shard.accounts.find(record.account);
  if (known == nullptr) {
    if (shard.accounts.limits.size() >= kMaxAccounts) return Reason::TABLE_FULL;
    known = &shard.accounts.limits[Target(record.account)];
  }
  known->record = record;
  return Reason::NONE;
}

Verdict count_message(Shard& shard, const NewOrder& record) {
  AccountState* const account = shard.accounts.find(record.account);
  if (account == nullptr || account->record.rate_max == 0) return {};
  const std::uint32_t most = account->record.rate_max;
  if (count(account->messages, shard.log_ns, account->record.rate_ns, most)) return {};
  return {Reason::MESSAGE_RATE, most};
}

bool may_send(Shard& shard, const Order& order) {
  AccountState* const account = shard.accounts.find(order.record.account);
  if (account == nullptr || account->record.throttle_max == 0) return true;
  const std::uint32_t most = account->record.throttle_max;
  if (account->throttled) return false;
  if (count(account->sends, shard.log_ns, account->record.throttle_ns, most)) return true;
  account->throttled = true;
  shard.alarm(AlarmKind::THROTTLE_TRIPPED, most, order.record.instrument, kVenueNone, 0,
              order.order_id);
  return false;
}

Verdict check_position(Shard& shard, const NewOrder& record, std::int64_t added_units,
                       std::int64_t mid_x2) {
  const Position* position = shard.accounts.position(record.account, record.instrument);
  if (position == nullptr) {
    return {Reason::TABLE_FULL, static_cast<std::int64_t>(shard.accounts.positions.size())};
  }
  AccountState* const account = shard.accounts.find(record.account);
  if (account == nullptr) return {};
  const bool buys = is_buy(record);
  const int128 opened = int128{position->open_units[buys ? 0 : 1]} + added_units;
  int128 worst = position->net_units + (buys ? opened : -opened);
  if (worst < 0) worst = -worst;
  constexpr int128 largest = kInt64Max;
  int128 most = account->record.max_net_ones;
  const std::int64_t one = shard.books[record.instrument].record.units_per_one;
  if (most != 0 && worst * mid_x2 > 2 * most * kE9 * one) {
    return {Reason::NET_POSITION, static_cast<std::int64_t>(std::min(worst, largest))};
  }
  most = account->record.max_gross_ones;
  if (most == 0) return {};
  const Target name(record.account);
  const int128 gross = gross_ones(shard, name, record.instrument, added_units, mid_x2);
  if (gross > most) {
    return {Reason::GROSS_POSITION, static_cast<std::int64_t>(std::min(gross, largest))};
  }
  if (account->record.budgeted == 0 || gross <= account->budget_ones) return {};
  const auto wanted = static_cast<std::int64_t>(gross);
  account->wanted_ones = std::max(account->wanted_ones, wanted);
  return {Reason::BUDGET, wanted};
}

void reserve(Order& order) {
  const std::int64_t left = std::max(std::int64_t{0}, order.record.order_units - order.cum_units);
  const std::int64_t units = is_final(order.state) ? 0 : left;
  order.position->open_units[order.side_index()] += units - order.reserved_units;
  order.reserved_units = units;
}

void book_fill(const Order& order, std::int64_t units, std::int64_t nanos,
               std::int64_t fee_nanos) {
  Position& position = *order.position;
  position.net_units = bounded(position.net_units + order.sign() * units);
  std::int64_t& done = order.sign() > 0 ? position.bought_units : position.sold_units;
  done = bounded(done + units);
  position.notional += int128{order.sign() * units} * nanos;
  position.fee_nanos += fee_nanos;
}

std::int64_t fee_word(int128 fee_nanos) {
  constexpr int128 most = kInt64Max;
  return static_cast<std::int64_t>(std::max(-most - 1, std::min(most, fee_nanos)));
}

}  // namespace accounts
}  // namespace venuefold

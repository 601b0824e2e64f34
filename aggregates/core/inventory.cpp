#include "inventory.hpp"

#include <algorithm>

#include "children.hpp"

namespace venuefold::inventory {
namespace {

constexpr std::int64_t kMaxHeld = 1'000'000'000'000'000'000;
// Where a sum of fills stops, as that of a position does.
constexpr std::int64_t kBound = std::int64_t{1} << 62;

bool is_kept(const Book& book) { return book.has_limits && book.limits.inventory != 0; }

bool binds(const Shard& shard, const NewOrder& record) {
  return record.side == number(Side::SELL) && is_kept(shard.books[record.instrument]);
}

// Holdings of an account, begun with what its open sells may still take.
Holdings& keep(Shard& shard, Position& position, std::uint32_t instrument) {
  if (position.holdings != nullptr) return *position.holdings;
  position.holdings = std::make_unique<Holdings>();
  if (shard.books[instrument].open_children != 0) {
    for (const std::uint64_t id : shard.orders.ids()) {
      const Order& order = *shard.orders.find(id);
      if (order.position == &position) count_reserved(order);
    }
  }
  return *position.holdings;
}

// The same levels with no more available than what is left; a pool is asked for no more. What is
// believed to be hidden is the last of its level to be sold.
void cut(Candidate& candidate, std::int64_t left, bool is_dark) {
  const std::int64_t shown = candidate.levels[0].available_units - candidate.hidden_units;
  candidate.hidden_units =
      std::min(candidate.hidden_units, std::max(std::int64_t{0}, left - shown));
  candidate.inventory_units = candidate.available_units = left;
  for (std::size_t l = 0; l < candidate.levels_count; ++l) {
    Offer& level = candidate.levels[l];
    level.available_units = std::min(left, level.available_units);
    if (is_dark) candidate.size_bits = level.units = level.available_units;
    left -= level.available_units;
  }
}

}  // namespace

Refused apply(Shard& shard, const Inventory& record) {
  const Refused refused = check_place(shard, record);
  if (refused) return refused;
  if (!has_text(record.account) || !within(0, record.units, kMaxHeld)) {
    return {Reason::BAD_VALUE, record.units};
  }
  Position* const position = shard.accounts.position(record.account, record.instrument);
  if (position == nullptr) {
    return {Reason::TABLE_FULL, static_cast<std::int64_t>(shard.accounts.positions.size())};
  }
  Holding& holding = keep(shard, *position, record.instrument)[record.venue];
  holding.units = record.units;
  const std::int64_t lacking = holding.reserved - holding.units;
  if (lacking > 0 && is_kept(shard.books[record.instrument])) {
    shard.alarm(AlarmKind::INVENTORY_SHORT, lacking, record.instrument, record.venue);
  }
  return kAccepted;
}

Verdict check(Shard& shard, const NewOrder& record) {
  const Book& book = shard.books[record.instrument];
  if (!is_kept(book)) [[likely]] return {};
  Position* const position = shard.accounts.position(record.account, record.instrument);
  if (position == nullptr) return {};
  const Holdings& holdings = keep(shard, *position, record.instrument);
  if (record.side != number(Side::SELL)) return {};
  const std::uint64_t listed = record.venues_allowed;
  std::uint64_t allowed = (listed != 0 ? listed : ~std::uint64_t{0}) & ~record.venues_banned;
  allowed &= shard.accounts.permitted(record.account) & book.listed;
  std::int64_t total = 0;
  bool sells = false;
  for_each_bit(allowed, [&](std::size_t venue) {
    const std::int64_t free = holdings[venue].free_units();
    const Terms& terms = shard.books.terms(record.instrument, venue);
    total = std::min(kBound, total + free);
    sells |= free >= std::max(terms.lot_units, terms.min_units);
  });
  return sells ? Verdict{} : Verdict{Reason::NOTHING_TO_SELL, total};
}

void cap(Shard& shard, const Order& order, Candidates& candidates) {
  if (!binds(shard, order.record)) [[likely]] return;
  const Holdings& holdings = keep(shard, *order.position, order.record.instrument);
  for_each_bit(candidates.eligible, [&](std::size_t i) {
    Candidate& candidate = candidates[i];
    const std::int64_t free = holdings[candidate.venue].free_units();
    if (free >= candidate.available_units) return;
    const Terms& terms = *candidate.terms;
    const std::int64_t units = free - free % terms.lot_units;
    if (units < std::max({terms.lot_units, terms.min_units, candidate.least_units})) {
      candidates.exclude(i, Reason::NO_INVENTORY, free);
    } else {
      cut(candidate, units, (candidates.darks >> i & 1) != 0);
    }
  });
}

std::int64_t free_units(const Shard& shard, const Order& order, std::size_t venue) {
  if (!binds(shard, order.record)) [[likely]] return kInt64Max;
  const Holdings* const holdings = order.position->holdings.get();
  return holdings != nullptr ? (*holdings)[venue].free_units() : 0;
}

bool is_short(Shard& shard, const Order& order, std::size_t venue) {
  if (!binds(shard, order.record)) return false;
  const Holding& holding = keep(shard, *order.position, order.record.instrument)[venue];
  return holding.units < holding.reserved;
}

void count_reserved(const Order& order) {
  for (const Child* child = order.first_child; child != nullptr; child = child->next) {
    reserve(order, child->venue, child->leaves_units());
  }
}

void book_fill(Shard& shard, const Child& child, std::int64_t units) {
  const Order& order = *child.order;
  Holdings* const holdings = order.position->holdings.get();
  if (holdings == nullptr) [[likely]] return;
  Holding& holding = (*holdings)[child.venue];
  holding.units =
      std::max(-kBound, std::min(kBound, holding.units + order.sign() * units));
  if (holding.units < 0 && units > 0 && binds(shard, order.record)) {
    children::alarm(shard, AlarmKind::INVENTORY_SHORT, child, -holding.units);
  }
}

}  // namespace venuefold::inventory

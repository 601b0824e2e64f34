#include "kill.hpp"

#include "children.hpp"
#include "desk.hpp"

namespace venuefold::kill {
namespace {

// A kill that finds no room in its set kills all: a switch must never fail to switch.
void set_target(Shard& shard, std::set<Target>& targets, const Kill& record, bool engaged) {
  const Target name(record.target);
  if (!engaged) {
    targets.erase(name);
  } else if (targets.size() >= kMaxKilled && targets.count(name) == 0) {
    shard.kill_all = true;
  } else {
    targets.insert(name);
  }
}

// Bits of a venue's or an instrument's switches.
constexpr std::uint8_t kByHand = 1;
constexpr std::uint8_t kByReference = 2;

std::uint8_t switched(std::uint8_t switches, std::uint8_t one, bool engaged) {
  return static_cast<std::uint8_t>(engaged ? switches | one : switches & ~one);
}

bool switch_instrument(Shard& shard, const Kill& record, std::uint8_t one) {
  if (record.instrument >= shard.books.size()) return false;
  std::uint8_t& killed = shard.books[record.instrument].killed;
  killed = switched(killed, one, record.engaged != 0);
  return true;
}

bool switch_venue(Shard& shard, const Kill& record, std::uint8_t one) {
  if (record.venue >= shard.tables.venues()) return false;
  const std::uint8_t killed = shard.tables.venue(record.venue).killed;
  shard.tables.set_killed(record.venue, switched(killed, one, record.engaged != 0));
  return true;
}

bool is_of_venue(std::uint8_t scope) {
  return scope == number(KillScope::VENUE) || scope == number(KillScope::SUSPENDED_VENUE);
}

bool set_kill(Shard& shard, const Kill& record) {
  const bool engaged = record.engaged != 0;
  switch (static_cast<KillScope>(record.scope)) {
    case KillScope::ALL:
      shard.kill_all = engaged;
      return true;
    case KillScope::INSTRUMENT:
      return switch_instrument(shard, record, kByHand);
    case KillScope::SUSPENDED_INSTRUMENT:
      return switch_instrument(shard, record, kByReference);
    case KillScope::VENUE:
      return switch_venue(shard, record, kByHand);
    case KillScope::SUSPENDED_VENUE:
      return switch_venue(shard, record, kByReference);
    case KillScope::SELF_HELP:
      if (record.venue >= shard.tables.venues()) return false;
      shard.tables.set_self_help(record.venue, engaged);
      return true;
    case KillScope::CLIENT:
      set_target(shard, shard.killed_clients, record, engaged);
      return true;
    case KillScope::ACCOUNT:
      set_target(shard, shard.killed_accounts, record, engaged);
      return true;
    case KillScope::SUSPENDED_ACCOUNT:
      set_target(shard, shard.suspended_accounts, record, engaged);
      return true;
    case KillScope::TRADER:
      set_target(shard, shard.killed_traders, record, engaged);
      return true;
  }
  return false;
}

void apply_to(Shard& shard, const Kill& record, Order& order) {
  if (is_of_venue(record.scope) && !shard.kill_all) {
    for (Child* child = order.first_child; child != nullptr; child = child->next) {
      if (child->venue == record.venue) children::cancel(shard, *child, Reason::VENUE_KILLED);
    }
  } else if (is_killed(shard, order.record)) {
    desk::wind_down(shard, order, Reason::KILLED);
  }
}

}  // namespace

Refused apply_kill(Shard& shard, const Kill& record) {
  if (!set_kill(shard, record)) return {Reason::BAD_VALUE, record.scope};
  if (record.engaged == 0) return kAccepted;
  for (const std::uint64_t order_id : shard.orders.ids()) {
    Order& order = *shard.orders.find(order_id);
    if (!is_final(order.state)) apply_to(shard, record, order);
  }
  return kAccepted;
}

Refused rearm(Shard& shard, const Rearm& record) {
  if (!has_text(record.person)) return {Reason::NO_PERSON};
  AccountState* const account = shard.accounts.find(record.account);
  if (account == nullptr) return {Reason::UNKNOWN_ACCOUNT};
  account->throttled = false;
  account->sends.clear();
  return kAccepted;
}

}  // namespace venuefold::kill

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

bool set_kill(Shard& shard, const Kill& record) {
  const bool engaged = record.engaged != 0;
  switch (static_cast<KillScope>(record.scope)) {
    case KillScope::ALL:
      shard.kill_all = engaged;
      return true;
    case KillScope::INSTRUMENT:
      if (record.instrument >= shard.books.size()) return false;
      shard.books[record.instrument].killed = engaged;
      return true;
    case KillScope::VENUE:
      if (record.venue >= shard.tables.venues()) return false;
      shard.tables.set_killed(record.venue, engaged);
      return true;
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
    case KillScope::SELF_HELP:
      if (record.venue >= shard.tables.venues()) return false;
      shard.tables.set_self_help(record.venue, engaged);
      return true;
    case KillScope::TRADER:
      set_target(shard, shard.killed_traders, record, engaged);
      return true;
  }
  return false;
}

void apply_to(Shard& shard, const Kill& record, Order& order) {
  if (record.scope == number(KillScope::VENUE) && !shard.kill_all) {
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

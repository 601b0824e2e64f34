#include "budgets.hpp"

namespace venuefold::budgets {
namespace {

std::int64_t used_ones(const Shard& shard, const Target& name) {
  constexpr int128 largest = kInt64Max;
  const int128 gross = accounts::gross_ones(shard, name, kInstrumentNone, 0, 0);
  return static_cast<std::int64_t>(std::min(gross, largest));
}

void tell(Shard& shard, AccountState& account, std::int64_t used) {
  out::BudgetState record{};
  record.number = account.budget_seq;
  record.budget_ones = account.budget_ones;
  record.used_ones = used;
  record.wanted_ones = account.wanted_ones;
  std::memcpy(record.account, account.record.account, sizeof record.account);
  shard.emit(OutputType::BUDGET_STATE, kInstrumentNone, record);
  account.told_ones = used;
  account.wanted_ones = 0;
}

}  // namespace

Refused apply_budget(Shard& shard, const Budget& record) {
  AccountState* const account = shard.accounts.find(record.account);
  if (account == nullptr || account->record.budgeted == 0) return {Reason::UNKNOWN_ACCOUNT};
  if (!within(0, record.budget_ones, kMaxOnes)) return {Reason::BAD_VALUE, record.budget_ones};
  const std::int64_t used = used_ones(shard, Target(record.account));
  account->budget_ones = std::max(record.budget_ones, std::min(account->budget_ones, used));
  account->budget_seq = record.source_seq;
  tell(shard, *account, used);
  return kAccepted;
}

void publish_budgets(Shard& shard) {
  for (auto& [name, account] : shard.accounts.limits) {
    if (account.record.budgeted == 0) continue;
    const std::int64_t used = used_ones(shard, name);
    if (used != account.told_ones || account.wanted_ones != 0) tell(shard, account, used);
  }
}

}  // namespace venuefold::budgets

#include "requests.hpp"

#include <cstring>

#include "desk.hpp"

namespace venuefold::requests {
namespace {

bool is_scope(const Shard& shard, const MassCancel& record) {
  switch (static_cast<KillScope>(record.scope)) {
    case KillScope::ALL: return true;
    case KillScope::INSTRUMENT: return record.instrument < shard.books.size();
    case KillScope::CLIENT:
    case KillScope::ACCOUNT:
    case KillScope::TRADER: return has_text(record.target);
    case KillScope::VENUE:
    case KillScope::SELF_HELP:
    case KillScope::SUSPENDED_VENUE:
    case KillScope::SUSPENDED_INSTRUMENT:
    case KillScope::SUSPENDED_ACCOUNT: return false;
  }
  return false;
}

bool covers(const MassCancel& record, const NewOrder& order) {
  const auto is_target = [&](const char (&name)[16]) {
    return std::memcmp(name, record.target, sizeof name) == 0;
  };
  switch (static_cast<KillScope>(record.scope)) {
    case KillScope::INSTRUMENT: return order.instrument == record.instrument;
    case KillScope::CLIENT: return is_target(order.client);
    case KillScope::ACCOUNT: return is_target(order.account);
    case KillScope::TRADER: return is_target(order.trader);
    default: return true;
  }
}

}  // namespace

Refused order_status(Shard& shard, const CancelOrder& record) {
  Order* const order =
      desk::find_order(shard, record.account, record.orig_cl_ord_id, record.instrument);
  if (order == nullptr) return {Reason::UNKNOWN_ORDER};
  desk::emit_order(shard, *order);
  return kAccepted;
}

Refused mass_cancel(Shard& shard, const MassCancel& record) {
  if (!is_scope(shard, record)) return {Reason::BAD_VALUE, record.scope};
  std::uint64_t affected = 0;
  for (const std::uint64_t order_id : shard.orders.ids()) {
    Order& order = *shard.orders.find(order_id);
    if (is_final(order.state) || !covers(record, order.record)) continue;
    desk::wind_down(shard, order, Reason::USER_CANCEL);
    ++affected;
  }
  out::MassCancelReport report{};
  report.source_seq = record.source_seq;
  report.affected = affected;
  std::memcpy(report.cl_ord_id, record.cl_ord_id, sizeof report.cl_ord_id);
  std::memcpy(report.target, record.target, sizeof report.target);
  report.scope = record.scope;
  report.source = record.source;
  shard.emit(OutputType::MASS_CANCEL_REPORT, record.instrument, report);
  return kAccepted;
}

}  // namespace venuefold::requests

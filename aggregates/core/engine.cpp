#include "engine.hpp"

#include "amend.hpp"
#include "broadcast.hpp"
#include "budgets.hpp"
#include "day.hpp"
#include "desk.hpp"
#include "feed.hpp"
#include "fire.hpp"
#include "inventory.hpp"
#include "kill.hpp"
#include "publish.hpp"
#include "reports.hpp"
#include "requests.hpp"
#include "schemas/core/slots.hpp"

namespace venuefold {
namespace {

// How far ahead of the fold the rows of coming ticks are asked for: nearer they come too late,
// farther there are more lines on their way than the processor follows.
constexpr std::size_t kPrefetchBytes = 8 * kSlot;
constexpr std::size_t kVenueAt = offsetof(Header, venue);
constexpr std::size_t kInstrumentAt = offsetof(Header, instrument);

// Reference inputs apply in dense order or not at all; a gap stops trading.
Refused check_version(Shard& shard, std::uint64_t version) {
  if (version <= shard.reference_version) {
    return {Reason::DUPLICATE_INPUT, clamp_to_int64(shard.reference_version)};
  }
  shard.reference_seen = std::max(shard.reference_seen, version);
  const std::int64_t missing = clamp_to_int64(version - shard.reference_version - 1);
  if (missing != 0) {
    shard.alarm(AlarmKind::REFERENCE_GAP, missing);
    return {Reason::REFERENCE_GAP, missing};
  }
  shard.reference_version = version;
  return kAccepted;
}

[[gnu::noinline]] void count_gap(Shard& shard, std::uint8_t source, std::uint64_t missing) {
  shard.sources[source].gaps += missing;
  shard.alarm(AlarmKind::SOURCE_GAP, clamp_to_int64(missing), kInstrumentNone, kVenueNone, 0, 0,
              source);
}

// Repeats are dropped and gaps counted, by source.
[[gnu::always_inline]] inline Refused check_source(Shard& shard, const Header& header) {
  if (header.source == kSourceReference) return {Reason::BAD_VALUE, header.source};
  Source& source = shard.sources[header.source];
  if (header.source_seq <= source.last) {
    return {Reason::DUPLICATE_INPUT, clamp_to_int64(source.last)};
  }
  const std::uint64_t missing = header.source_seq - source.last - 1;
  source.last = header.source_seq;
  if (missing != 0) [[unlikely]] count_gap(shard, header.source, missing);
  return kAccepted;
}

// The record as its own type, wherever in the batch it lies.
template <class Record>
Record read(const std::uint8_t* raw) {
  Record record;
  std::memcpy(&record, raw, sizeof record);
  return record;
}

// A quote field by field, so that it lives in registers.
[[gnu::always_inline]] inline Quote read_quote(const std::uint8_t* raw) {
  const auto take = [raw](auto& field, std::size_t at) {
    std::memcpy(&field, raw + at, sizeof field);
  };
  constexpr std::size_t kLevelAt = sizeof(Header);
  Quote record;
  record.type = raw[offsetof(Header, type)];
  record.flags = raw[offsetof(Header, flags)];
  record.venue = raw[offsetof(Header, venue)];
  record.source = raw[offsetof(Header, source)];
  take(record.instrument, offsetof(Header, instrument));
  take(record.source_seq, offsetof(Header, source_seq));
  take(record.log_ns, offsetof(Header, log_ns));
  take(record.venue_ns, offsetof(Header, venue_ns));
  take(record.bid_nanos, kLevelAt);
  take(record.bid_units, kLevelAt + 8);
  take(record.ask_nanos, kLevelAt + 16);
  take(record.ask_units, kLevelAt + 24);
  return record;
}

template <class Record, Refused (*handler)(Shard&, const Record&)>
[[gnu::always_inline]] inline Refused hand(Shard& shard, const std::uint8_t* raw) {
  const auto record = read<Record>(raw);
  const Refused refused = check_source(shard, record);
  return refused ? refused : handler(shard, record);
}

// Reference inputs come from their own source and by their own rules.
template <class Record, Refused (*handler)(Shard&, const Record&)>
Refused hand_reference(Shard& shard, const std::uint8_t* raw) {
  const auto record = read<Record>(raw);
  if (record.source != kSourceReference) return {Reason::BAD_VALUE, record.source};
  const Refused refused = check_version(shard, record.source_seq);
  return refused ? refused : handler(shard, record);
}

Refused accept(Shard&, const Header&) { return kAccepted; }

[[gnu::noinline]] Refused dispatch(Shard& shard, std::uint8_t type, const std::uint8_t* raw) {
  switch (static_cast<InputType>(type)) {
    case InputType::QUOTE: break;  // folded where it is met
    case InputType::TRADE: return hand<Trade, feed::trade>(shard, raw);
    case InputType::STATUS: return hand<Status, feed::status>(shard, raw);
    case InputType::TIMER: return hand<Header, accept>(shard, raw);
    case InputType::NEW_ORDER: return hand<NewOrder, desk::new_order>(shard, raw);
    case InputType::CANCEL_ORDER: return hand<CancelOrder, desk::cancel_order>(shard, raw);
    case InputType::AMEND_ORDER: return hand<NewOrder, amend::amend_order>(shard, raw);
    case InputType::END_OF_DAY: return hand<EndOfDay, day::end_of_day>(shard, raw);
    case InputType::KILL: return hand<Kill, kill::apply_kill>(shard, raw);
    case InputType::REARM: return hand<Rearm, kill::rearm>(shard, raw);
    case InputType::EXEC_REPORT: return hand<ExecReport, reports::apply>(shard, raw);
    case InputType::DROP_COPY: return hand<ExecReport, day::drop_copy>(shard, raw);
    case InputType::ACCOUNT: return hand_reference<AccountLimits, broadcast::account>(shard, raw);
    case InputType::POSTING: return hand_reference<Posting, broadcast::posting>(shard, raw);
    case InputType::INSTRUMENT:
      return hand_reference<Instrument, broadcast::instrument>(shard, raw);
    case InputType::VENUE: return hand_reference<Venue, broadcast::venue>(shard, raw);
    case InputType::LISTING: return hand_reference<Listing, broadcast::listing>(shard, raw);
    case InputType::FEE: return hand_reference<Fee, broadcast::fee>(shard, raw);
    case InputType::FEE_TIER:
      return hand_reference<FeeTier, broadcast::fee_tier>(shard, raw);
    case InputType::BILLING:
      return hand_reference<Billing, broadcast::billing>(shard, raw);
    case InputType::POLICY: return hand_reference<Policy, broadcast::policy>(shard, raw);
    case InputType::LIMITS: return hand_reference<Limits, broadcast::limits>(shard, raw);
    case InputType::SETTINGS: return hand_reference<Settings, broadcast::settings>(shard, raw);
    case InputType::VENUE_PRIOR:
      return hand_reference<VenuePriorUpdated, broadcast::venue_prior>(shard, raw);
    case InputType::BUDGET: return hand<Budget, budgets::apply_budget>(shard, raw);
    case InputType::ORDER_STATUS: return hand<CancelOrder, requests::order_status>(shard, raw);
    case InputType::MASS_CANCEL: return hand<MassCancel, requests::mass_cancel>(shard, raw);
    case InputType::INVENTORY: return hand<Inventory, inventory::apply>(shard, raw);
    case InputType::ENGINE: return hand_reference<EngineActivated, broadcast::engine>(shard, raw);
  }
  return {Reason::UNKNOWN_TYPE, type};
}

bool is_reference(std::uint8_t type) {
  return within(number(InputType::INSTRUMENT), type, number(InputType::VENUE_PRIOR)) ||
         is_any_of(type, InputType::ACCOUNT, InputType::POSTING);
}

// The record names a parent: all of these begin alike.
bool names_order(std::uint8_t type) {
  return is_any_of(type, InputType::NEW_ORDER, InputType::AMEND_ORDER, InputType::CANCEL_ORDER,
                   InputType::ORDER_STATUS);
}

[[gnu::noinline]] void refuse(Shard& shard, const std::uint8_t* raw, Refused refused) {
  const auto header = read<Header>(raw);
  ++shard.counters[number(refused.reason)];
  out::Refusal record{};
  record.source_seq = header.source_seq;
  record.value = refused.value;
  record.order_id = refused.order_id;
  record.reason = number(refused.reason);
  record.input_type = header.type;
  record.source = header.source;
  record.venue = header.venue;
  if (names_order(header.type)) {
    const auto named = read<CancelOrder>(raw);
    std::memcpy(record.cl_ord_id, named.cl_ord_id, sizeof record.cl_ord_id);
    std::memcpy(record.account, named.account, sizeof record.account);
  }
  shard.emit(OutputType::REFUSAL, header.instrument, record);
}

// Folds one input record, or refuses it.
inline void apply(Shard& shard, const Header& header, const std::uint8_t* raw) {
  ++shard.seq;
  if (header.log_ns < shard.log_ns || header.log_ns > kMaxTimeNs) [[unlikely]] {
    refuse(shard, raw, {Reason::TIME_BACKWARDS, header.log_ns});
    return;
  }
  if (is_due(shard, header.log_ns)) [[unlikely]] fire_timers(shard, header.log_ns);
  shard.log_ns = header.log_ns;
  if (header.type == number(InputType::QUOTE)) [[likely]] {
    const Quote record = read_quote(raw);
    Refused refused = check_source(shard, record);
    if (!refused) [[likely]] refused = feed::quote(shard, record);
    if (refused) [[unlikely]] refuse(shard, raw, refused);
  } else {
    // Only a reference input can let trading go on.
    const bool held = is_reference(header.type) && !shard.may_trade();
    const Refused refused = dispatch(shard, header.type, raw);
    if (refused) [[unlikely]] refuse(shard, raw, refused);
    if (header.type == number(InputType::STATUS)) {
      desk::follow_sessions(shard, header.instrument);
    } else if (header.type == number(InputType::VENUE)) {
      desk::follow_sessions(shard, kInstrumentNone);
    }
    if (held && shard.may_trade()) desk::resume(shard);
  }
  if (shard.venues.changed != 0) [[unlikely]] publish_changes(shard);
}

[[gnu::always_inline]] inline void prefetch(const Shard& shard, const std::uint8_t* raw) {
  std::uint32_t instrument;
  std::memcpy(&instrument, raw + kInstrumentAt, sizeof instrument);
  if (raw[0] == number(InputType::EXEC_REPORT)) [[unlikely]] {
    shard.books.prefetch_report(instrument, raw[kVenueAt]);
  } else {
    shard.books.prefetch_tick(instrument, raw[kVenueAt]);
  }
}

// Reports often come a few at a time: none of them lies far enough ahead.
void prefetch_reports(const Shard& shard, const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t report = kSlots[number(InputType::EXEC_REPORT)] * kSlot;
  const std::size_t most = std::min(size, kPrefetchBytes + report);
  for (std::size_t at = 0; at + report <= most; at += report) prefetch(shard, data + at);
}

}  // namespace

std::size_t Engine::step(const std::uint8_t* data, std::size_t size, std::int64_t limit_ns,
                         bool stop_on_child) {
  Shard& shard = *shard_;
  shard.outputs.clear();
  if (size != 0 && data[0] != number(InputType::NEW_ORDER)) shard.make_room();
  std::size_t offset = 0;
  if (size != 0 && data[0] == number(InputType::EXEC_REPORT)) {
    prefetch_reports(shard, data, size);
  }
  while (offset + kSlot <= size) {
    const auto header = read<Header>(data + offset);
    const std::size_t end = offset + kSlots[header.type] * kSlot;
    if (end > size || header.log_ns > limit_ns) break;
    // Whatever lies there: a slot inside a longer record only fetches a row in vain.
    if (offset + kPrefetchBytes + kSlot <= size) prefetch(shard, data + offset + kPrefetchBytes);
    const std::uint64_t sent = shard.sent;
    apply(shard, header, data + offset);
    offset = end;
    if (stop_on_child && shard.sent != sent) break;
  }
  return offset;
}

}  // namespace venuefold

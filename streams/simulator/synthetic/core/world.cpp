// Building a market, handing it parents, and its canonical bytes.
#include "streams/simulator/synthetic/core/world.hpp"

#include <algorithm>

#include "streams/simulator/core/codec.hpp"

namespace venuefold::synthetic {
namespace {

constexpr std::uint64_t kStateVersion = 1;

// Appends or reads plain values and vectors of them. Padding is zero: every record starts zeroed.
class Saver {
 public:
  template <typename Value>
  void operator()(Value& value) {
    static_assert(std::is_trivially_copyable_v<Value>);
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), from, from + sizeof value);
  }
  template <typename Value>
  void operator()(std::vector<Value>& values) {
    std::uint64_t count = values.size();
    (*this)(count);
    for (Value& value : values) (*this)(value);
  }
  template <typename Key, typename Value>
  void operator()(std::map<Key, Value>& values) {
    std::uint64_t count = values.size();
    (*this)(count);
    for (auto& [key, value] : values) {
      Key name = key;
      (*this)(name);
      (*this)(value);
    }
  }
  void operator()(std::unordered_map<std::string, std::uint32_t>& names) {
    std::vector<std::pair<std::string, std::uint32_t>> sorted(names.begin(), names.end());
    std::sort(sorted.begin(), sorted.end());
    std::uint64_t count = sorted.size();
    (*this)(count);
    for (auto& [name, place] : sorted) {
      std::array<char, 32> padded{};
      std::copy(name.begin(), name.end(), padded.begin());
      (*this)(padded);
      (*this)(place);
    }
  }
  std::vector<std::byte> bytes;
};

class Loader {
 public:
  Loader(const std::byte* from, std::size_t size) : in(from, size) {}
  template <typename Value>
  void operator()(Value& value) {
    in.get(value);
  }
  template <typename Value>
  void operator()(std::vector<Value>& values) {
    values.resize(in.get_count(in.left()));
    for (Value& value : values) in.get(value);
  }
  template <typename Key, typename Value>
  void operator()(std::map<Key, Value>& values) {
    values.clear();
    for (std::uint64_t left = in.get_count(in.left()); left > 0; --left) {
      Key key{};
      in.get(key);
      in.get(values[key]);
    }
  }
  void operator()(std::unordered_map<std::string, std::uint32_t>& names) {
    names.clear();
    for (std::uint64_t left = in.get_count(in.left()); left > 0; --left) {
      std::array<char, 32> padded{};
      std::uint32_t place = 0;
      in.get_all(padded, place);
      names[std::string(padded.data(), strnlen(padded.data(), padded.size()))] = place;
    }
  }
  Reader in;
};

}  // namespace

World::World(const Globals& globals, std::vector<InstrumentTerms> instruments,
             std::vector<VenueTerms> venues, std::vector<Fault> faults)
    : globals_(globals), instruments_(std::move(instruments)), venues_(std::move(venues)) {
  if (venues_.size() < 2 || venues_.size() > 64 || instruments_.empty()) {
    throw InputFault("a market needs 2 to 64 venues and an instrument");
  }
  shortest_out_ns_ = INT64_MAX;
  for (std::uint32_t venue = 0; venue < venues_.size(); ++venue) {
    const VenueTerms& terms = venues_[venue];
    if (terms.out_ns < 1 || terms.back_ns < 1 || terms.feed_ns < 1 || terms.lot_units < 1 ||
        terms.tick_multiple < 1 || terms.levels < 0 || terms.levels > kDepth) {
      throw InputFault("venue " + std::to_string(venue) +
          ": latency, lot, tick or levels out of range");
    }
    shortest_out_ns_ = std::min(shortest_out_ns_, terms.out_ns);
    if (terms.kind == kLit) lit_.push_back(venue);
  }
  if (lit_.empty()) throw InputFault("a market needs a lit venue");
  begin();
  for (const Fault& fault : faults) {
    if (fault.venue < 0 || fault.venue >= static_cast<std::int64_t>(venues_.size()) ||
        fault.kind < 1 || fault.kind >= kFaultKinds) {
      throw InputFault("fault of kind " + std::to_string(fault.kind) + " at venue " +
                       std::to_string(fault.venue) + ": no such kind or venue");
    }
    inject(fault);
  }
}

void World::begin() {
  now_ns_ = globals_.start_ns;
  books_.resize(instruments_.size() * venues_.size());
  markets_.resize(instruments_.size());
  venue_status_.assign(venues_.size(), kOpen);
  last_seen_ns_.assign(venues_.size(), 0);
  report_ids_.assign(venues_.size(), 0);
  for (std::uint32_t at = 0; at < instruments_.size(); ++at) {
    const InstrumentTerms& terms = instruments_[at];
    if (terms.tick_nanos < 1 || terms.start_nanos < terms.tick_nanos) {
      throw InputFault("instrument " + std::to_string(at) + ": tick or price out of range");
    }
    markets_[at].value = terms.start_nanos / terms.tick_nanos * kSub;
    schedule(now_ns_ + 1, EventKind::kMove, at);
    schedule(now_ns_ + 50 * kMs, EventKind::kTrade, at);
    if (globals_.halt_per_hour > 0.0) {
      const std::uint64_t drawn = draw(seed(), kHalts, at, 0);
      schedule(now_ns_ + gap_ns(drawn, globals_.halt_per_hour / 3600.0), EventKind::kHalt, at);
    }
    for (const std::uint32_t venue : lit_) {
      schedule(now_ns_ + 2 + venue, EventKind::kRequote, book_index(at, venue), 1);
    }
  }
  for (std::uint32_t venue = 0; venue < venues_.size(); ++venue) {
    const VenueTerms& terms = venues_[venue];
    if (globals_.heartbeat_ns > 0) schedule(now_ns_ + 1, EventKind::kHeartbeat, venue);
    if (terms.open_after_ns > 0) {
      schedule(now_ns_, EventKind::kSession, venue, kClosed);
      schedule(now_ns_ + terms.open_after_ns, EventKind::kSession, venue, kOpen);
    }
    if (terms.closed_after_ns > 0) {
      schedule(now_ns_ + terms.closed_after_ns, EventKind::kSession, venue, kClosed);
    }
  }
  if (globals_.regime_ns > 0) schedule(now_ns_ + globals_.regime_ns, EventKind::kRegime, 0);
  if (globals_.burst_per_hour > 0.0) {
    schedule(now_ns_ + gap_ns(draw(seed(), kBursts, 0), globals_.burst_per_hour / 3600.0),
             EventKind::kBurst, 0);
  }
}

void World::add_orders(const std::byte* records, std::size_t size) {
  if (size % sizeof(NewOrder) != 0) throw InputFault("orders are NEW_ORDER records");
  for (std::size_t at = 0; at < size; at += sizeof(NewOrder)) {
    NewOrder record;
    std::memcpy(&record, records + at, sizeof record);
    if (record.type != kNewOrder || record.instrument >= instruments_.size()) {
      throw InputFault("order " + std::to_string(at / sizeof record) + ": no such instrument");
    }
    if (record.log_ns < now_ns_) throw InputFault("an order lies before the market's time");
    const auto place = static_cast<std::uint32_t>(parents_.size());
    ParentResult parent{};
    parent.parent = place;
    parent.instrument = record.instrument;
    parent.sign = record.side == kBuy ? 1 : -1;
    parent.units = record.order_units;
    parent.arrival_ns = record.log_ns;
    parents_.push_back(parent);
    parent_names_[std::string(record.cl_ord_id, strnlen(record.cl_ord_id, 32))] = place;
    schedule(record.log_ns, EventKind::kParent, place);
    schedule(record.log_ns + globals_.cleanup_ns, EventKind::kClean, place);
    outbox_.put(record);
  }
}

template <typename Visit>
void World::visit(Visit&& with) {
  with(faults_), with(events_), with(event_order_), with(events_run_), with(checks_), with(now_ns_);
  with(burst_until_ns_), with(regime_), with(bursts_), with(books_), with(markets_);
  with(venue_status_), with(last_seen_ns_), with(report_ids_), with(orders_), with(resting_);
  with(ended_);
  with(parents_), with(visits_), with(parent_names_), with(pending_replaces_), with(kept_reports_);
  with(trades_);
  outbox_.visit(with);
}

std::vector<std::byte> World::state_bytes() {
  Saver saver;
  std::uint64_t version = kStateVersion;
  saver(version);
  saver(globals_);
  visit(saver);
  return std::move(saver.bytes);
}

void World::restore(const std::byte* state, std::size_t size) {
  Loader loader(state, size);
  std::uint64_t version = 0;
  Globals globals{};
  loader(version);
  loader(globals);
  if (version != kStateVersion || std::memcmp(&globals, &globals_, sizeof globals) != 0) {
    throw InputFault("the state is of another market: give the configuration it ran with");
  }
  World fresh = *this;
  fresh.visit(loader);
  if (loader.in.left() != 0) throw InputFault("the state is damaged: it goes on after its end");
  *this = std::move(fresh);
}

}  // namespace venuefold::synthetic

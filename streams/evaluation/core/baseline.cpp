#include "streams/evaluation/core/baseline.hpp"

#include <algorithm>
#include <cstring>

namespace venuefold::evaluation {
namespace {

template <typename Record>
Record read(const std::byte* from) {
  Record record;
  std::memcpy(&record, from, sizeof record);
  return record;
}

std::int64_t sign_of(const NewOrder& order) { return order.side == kBuy ? 1 : -1; }
BookSide far_side(const NewOrder& order) { return order.side == kBuy ? kAsk : kBid; }

double take_fee(const World& world, std::uint32_t venue, std::int64_t nanos) {
  const auto& terms = world.venues()[venue];
  return static_cast<double>(terms.take_nanos) +
         static_cast<double>(nanos) * static_cast<double>(terms.take_e9) / 1e9;
}

}  // namespace

Baseline::Baseline(const Terms& terms, const World& world)
    : terms_(terms),
      venues_(world.venues().size()),
      seen_(world.instruments().size() * world.venues().size()),
      down_(world.venues().size(), 0) {}

void Baseline::run(World& world, std::int64_t until_ns) {
  std::vector<std::byte> record;
  while (world.now_ns() < until_ns || world.next_record_ns() <= until_ns) {
    record.clear();
    world.pull(until_ns, 1, record);  // one record: children may answer it
    if (record.empty()) return;
    ++records_;
    fold(world, record.data());
  }
}

void Baseline::fold(World& world, const std::byte* record) {
  const auto header = read<Header>(record);
  if (header.type == kQuote) return on_quote(world, read<Quote>(record));
  if (header.type == kExecReport) return on_report(world, read<ExecReport>(record));
  if (header.type == kStatus) return on_status(read<Status>(record));
  if (header.type != kNewOrder) return;
  Parent parent{};
  parent.order = read<NewOrder>(record);
  parent.left = parent.order.order_units;
  parents_.push_back(parent);
  open_.push_back(parents_.size() - 1);
  attempt(world, parents_.size() - 1, header.log_ns);
}

void Baseline::on_quote(World& world, const Quote& quote) {
  Seen& seen = seen_[quote.instrument * venues_ + quote.venue];
  const auto level = static_cast<std::size_t>(quote.flags & kLevelMask);
  if (level >= synthetic::kDepth) return;
  seen.sides[kBid].nanos[level] = quote.bid_nanos;
  seen.sides[kBid].units[level] = quote.bid_units;
  seen.sides[kAsk].nanos[level] = quote.ask_nanos;
  seen.sides[kAsk].units[level] = quote.ask_units;
  ++seen.seq;
  if (open_.empty()) return;
  for (const std::size_t at : std::vector<std::size_t>(open_)) {
    Parent& parent = parents_[at];
    if (parent.open_children != 0 || quote.log_ns < parent.retry_ns) continue;
    attempt(world, at, quote.log_ns);
  }
}

void Baseline::on_status(const Status& status) {
  const bool is_down = status.status != kOpen;
  if (status.instrument == kInstrumentNone) {
    down_[status.venue] = is_down ? 1 : 0;
    return;
  }
  Seen& seen = seen_[status.instrument * venues_ + status.venue];
  seen.halted = is_down;
  if (is_down) seen.sides = {};
}

void Baseline::on_report(World& world, const ExecReport& report) {
  const auto found = sent_.find(report.child_id);
  if (found == sent_.end()) return;
  Sent& sent = found->second;
  Parent& parent = parents_[sent.parent];
  if (report.exec_type == kFill) {
    sent.filled += report.last_units;
    parent.left -= report.last_units;
  }
  const bool ends = report.exec_type == kCanceled || report.exec_type == kRejected;
  if (!ends && sent.filled < sent.units) return;
  const std::size_t at = sent.parent;
  const Seen& seen = seen_[parent.order.instrument * venues_ + sent.venue];
  if (sent.filled < sent.units) parent.visited[sent.venue] = seen.seq;
  sent_.erase(found);
  if (--parent.open_children == 0) attempt(world, at, report.log_ns);
}

void Baseline::attempt(World& world, std::size_t at, std::int64_t now_ns) {
  Parent& parent = parents_[at];
  const bool is_over = now_ns >= parent.order.log_ns + terms_.horizon_ns;
  if (parent.left <= 0 || is_over || parent.attempts >= terms_.max_attempts) {
    parent.done = true;
    std::erase(open_, at);
    return;
  }
  ++parent.attempts;
  parts_.fill({});
  const std::vector<Offer> found = offers(world, parent);
  if (split() == Split::kBestPrice || split() == Split::kPrimary) {
    one_venue(world, parent, found);
  } else if (split() == Split::kEqual || split() == Split::kProRata) {
    at_best(world, parent, found);
  } else {
    greedy(world, parent, found);
  }
  for (std::uint32_t venue = 0; venue < venues_; ++venue) {
    if (parts_[venue].units <= 0) continue;
    ChildRecord child{};
    child.size = sizeof child;
    child.type = kOutputChild;
    child.instrument = parent.order.instrument;
    child.child_id = next_child_++;
    child.units = parts_[venue].units;
    child.limit_nanos = parts_[venue].limit;
    child.venue = static_cast<std::uint8_t>(venue);
    child.side = parent.order.side;
    child.ord_type = kLimit;
    child.time_in_force = kIoc;
    std::memcpy(child.cl_ord_id, parent.order.cl_ord_id, sizeof child.cl_ord_id);
    sent_[child.child_id] = {at, child.units, 0, child.venue};
    ++parent.open_children;
    world.submit(reinterpret_cast<const std::byte*>(&child), sizeof child, now_ns);
  }
  if (parent.open_children == 0) parent.retry_ns = now_ns + terms_.retry_ns;
}

std::vector<Baseline::Offer> Baseline::offers(const World& world, const Parent& parent) const {
  std::vector<Offer> found;
  const BookSide side = far_side(parent.order);
  for (std::uint32_t venue = 0; venue < venues_; ++venue) {
    const Seen& seen = seen_[parent.order.instrument * venues_ + venue];
    const bool is_out = down_[venue] != 0 || seen.halted || parent.visited[venue] >= seen.seq;
    if (is_out || world.venues()[venue].kind != synthetic::kLit) continue;
    const synthetic::Side& shown = seen.sides[side];
    if (seen.sides[kBid].nanos[0] > seen.sides[kAsk].nanos[0] && shown.units[0] > 0 &&
        seen.sides[kAsk].units[0] > 0) {
      continue;  // crossed in itself
    }
    for (std::size_t level = 0; level < synthetic::kDepth && shown.units[level] > 0; ++level) {
      const bool worse = level == 0 || is_better(side, shown.nanos[level - 1], shown.nanos[level]);
      if (!worse) break;
      Offer offer{0.0, shown.nanos[level], shown.units[level], venue};
      offer.key = key_of(world, parent, offer);
      found.push_back(offer);
    }
  }
  return found;
}

double Baseline::key_of(const World& world, const Parent& parent, const Offer& offer) const {
  const double price = static_cast<double>(sign_of(parent.order) * offer.nanos);
  if (split() == Split::kRandom) {
    const auto seed = static_cast<std::uint64_t>(terms_.seed);
    const auto key = static_cast<std::uint64_t>(parent.order.log_ns + parent.attempts);
    return synthetic::unit(synthetic::draw(seed, 77, offer.venue, key));
  }
  if (split() != Split::kFeeAware && split() != Split::kOracle) return price;
  double key = price + take_fee(world, offer.venue, offer.nanos);
  if (split() == Split::kFeeAware) return key;
  const auto& truth = world.soft(offer.venue);
  const double kept = (1.0 - truth.reject) * (1.0 - truth.fade * (1.0 - truth.fade_keep));
  key += (1.0 - kept) * static_cast<double>(terms_.miss_e9) * 1e-9 *
      static_cast<double>(offer.nanos);
  return key;
}

void Baseline::give(const World& world, const Offer& offer, std::int64_t units,
                    std::int64_t& left) {
  const std::int64_t lot = world.venues()[offer.venue].lot_units;
  const std::int64_t take = std::min({units, left, offer.units}) / lot * lot;
  if (take <= 0) return;
  parts_[offer.venue].units += take;
  parts_[offer.venue].limit = offer.nanos;
  left -= take;
}

void Baseline::greedy(const World& world, Parent& parent, std::vector<Offer> found) {
  std::stable_sort(found.begin(), found.end(),
                   [](const Offer& left, const Offer& right) { return left.key < right.key; });
  std::int64_t left = parent.left;
  for (const Offer& offer : found) give(world, offer, left, left);
}

void Baseline::one_venue(const World& world, Parent& parent, const std::vector<Offer>& found) {
  const Offer* best = nullptr;
  for (const Offer& offer : found) {
    if (split() == Split::kPrimary && offer.venue != 0) continue;
    if (best == nullptr || offer.key < best->key) best = &offer;
  }
  if (best == nullptr) return;
  std::int64_t left = parent.left;
  for (const Offer& offer : found) {
    if (offer.venue == best->venue) give(world, offer, left, left);
  }
}

void Baseline::at_best(const World& world, Parent& parent, const std::vector<Offer>& found) {
  double best = 1e300;
  for (const Offer& offer : found) best = std::min(best, offer.key);
  std::int64_t total = 0;
  std::int64_t count = 0;
  for (const Offer& offer : found) {
    if (offer.key > best) continue;
    total += offer.units;
    ++count;
  }
  if (count == 0) return;
  std::int64_t left = parent.left;
  const std::int64_t wanted = parent.left;
  for (const Offer& offer : found) {
    if (offer.key > best) continue;
    const double share = split() == Split::kEqual
                             ? 1.0 / static_cast<double>(count)
                             : static_cast<double>(offer.units) / static_cast<double>(total);
    const auto part = static_cast<std::int64_t>(share * static_cast<double>(wanted));
    const std::int64_t lot = world.venues()[offer.venue].lot_units;
    give(world, offer, (part + lot - 1) / lot * lot, left);
  }
}

}  // namespace venuefold::evaluation

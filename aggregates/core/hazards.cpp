#include "hazards.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "shard.hpp"

namespace venuefold {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
// Ends of the exposure buckets; the last one has none.
constexpr std::int64_t kExposuresNs[] = {kSecondNs, 10 * kSecondNs, 60 * kSecondNs};
// Ends of the queue buckets in round lots ahead; the last one has none.
constexpr std::int64_t kQueueLots[] = {1, 4, 32};
constexpr double kLn2 = 0.6931471805599453;
constexpr double kMaxSteps = 1'000'000.0;
// What has faded below is forgotten.
constexpr double kLeastExposureNs = 1e-6;

std::size_t bucket(const std::int64_t (&ends)[kHazardBuckets - 1], std::int64_t value) {
  std::size_t found = 0;
  for (const std::int64_t end : ends) found += value >= end;
  return found;
}

std::int64_t start_ns(std::size_t exposure) { return exposure ? kExposuresNs[exposure - 1] : 0; }

std::int64_t end_ns(std::size_t exposure, std::int64_t last_ns) {
  return exposure < kHazardBuckets - 1 ? kExposuresNs[exposure] : last_ns;
}

bool is_in_book(ChildState state) {
  return is_live(state) && state != ChildState::SENT;
}

std::int64_t session_ns(const Shard& shard, const Child& child) {
  return shard.books.tick(child.order->record.instrument, child.venue).clock.at(shard.log_ns);
}

// Of a child, at most all of it.
double share_of(std::int64_t units, const Child& child) {
  return std::min(1.0, static_cast<double>(units) / static_cast<double>(child.units));
}

// The child's row and its venue, as of now.
std::array<Hazard*, 2> hazards_of(Shard& shard, const Child& child) {
  const Grid& fill = shard.tables.grids().fill;
  Hazard& row = shard.hazards[{child.order->record.instrument, child.venue}];
  row.fade(session_ns(shard, child), fill);
  Hazard& venue = shard.hazards[{kInstrumentNone, child.venue}];
  venue.fade(shard.venues[child.venue].session.at(shard.log_ns), fill);
  return {&row, &venue};
}

}  // namespace

void Hazard::fade(std::int64_t now_ns, const Grid& fill) {
  const double w = fill.weight(now_ns, then_ns);
  then_ns = now_ns;
  for (double& sum : children) sum *= w;
  for (double& sum : exposure_ns) sum *= w;
  for (double& sum : events) sum *= w;
  for (double& sum : squares) sum *= w * w;
}

void Hazard::expose(std::size_t queue, std::int64_t from_ns, std::int64_t to_ns, double share) {
  for (std::size_t exposure = 0; exposure < kHazardBuckets; ++exposure) {
    const std::int64_t passed_ns = std::min(to_ns, end_ns(exposure, to_ns)) -
                                   std::max(from_ns, start_ns(exposure));
    if (passed_ns <= 0) continue;
    exposure_ns[queue * kHazardBuckets + exposure] += share * static_cast<double>(passed_ns);
  }
}

void Hazard::event(std::size_t cell, double share) {
  events[cell] += share;
  squares[cell] += share * share;
}

Passive Hazard::read(std::size_t queue, std::int64_t horizon_ns, std::int64_t now_ns,
                     const Grid& fill) const {
  double rate = 0.0;
  double rate_variance = 0.0;
  double total = 0.0;
  double variance = 0.0;
  for (std::size_t exposure = 0; exposure < kHazardBuckets; ++exposure) {
    const std::size_t cell = queue * kHazardBuckets + exposure;
    const double exposed_ns = exposure_ns[cell];
    // A bucket that nobody reached has the hazard of the one before. Where no event was seen, the
    // variance is that of one.
    if (exposed_ns > kLeastExposureNs) {
      const double seen = squares[cell] > 0.0 ? squares[cell] : 1.0;
      rate = events[cell] / exposed_ns;
      rate_variance = seen / (exposed_ns * exposed_ns);
    }
    const std::int64_t last_ns = std::min(horizon_ns, end_ns(exposure, horizon_ns));
    const auto span =
        static_cast<double>(std::max(std::int64_t{0}, last_ns - start_ns(exposure)));
    total += rate * span;
    variance += rate_variance * (span * span);
  }
  const double steps = std::min(total / kLn2 * static_cast<double>(kSteps), kMaxSteps);
  const double survival = weight(static_cast<std::int64_t>(steps));
  return {1.0 - survival, std::min(survival * survival * variance, 0.25),
          children[queue] * fill.weight(now_ns, then_ns)};
}

namespace hazards {

std::uint8_t queue_bucket(std::int64_t ahead_units, std::int64_t round_lot_units) {
  return static_cast<std::uint8_t>(bucket(kQueueLots, ahead_units / round_lot_units));
}

std::int64_t units_ahead(const Shard& shard, std::uint32_t instrument, std::uint8_t venue,
                         std::size_t side, std::int64_t limit_nanos) {
  const Tick& tick = shard.books.tick(instrument, venue);
  const Deep& deep = shard.books.deep(instrument, venue);
  std::int64_t total = 0;
  for (std::size_t index = 0; index < kMaxLevels; ++index) {
    const Level level = index == 0 ? tick.touch[side] : deep.level(side, index);
    if (level.units == 0) break;
    if (side != 0 ? level.nanos > limit_nanos : level.nanos < limit_nanos) break;
    total += level.units;
  }
  return total;
}

Passive passive_fill(const Shard& shard, std::uint32_t instrument, std::uint8_t venue,
                     std::size_t queue, std::int64_t horizon_ns) {
  const Grid& fill = shard.tables.grids().fill;
  const double prior_weight = shard.tables.priors().fill_weight;
  const double prior = shard.tables.fill_prior(venue);
  Passive found{prior, 0.0, 0.0};
  double variance = prior * (1.0 - prior) / (prior_weight + 1.0);
  const std::uint32_t places[] = {kInstrumentNone, instrument};
  const std::int64_t times_ns[] = {
      shard.venues[venue].session.at(shard.log_ns),
      shard.books.tick(instrument, venue).clock.at(shard.log_ns)};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto hazard = shard.hazards.find({places[i], venue});
    found.effective = 0.0;
    if (hazard == shard.hazards.end()) continue;
    const Passive own = hazard->second.read(queue, horizon_ns, times_ns[i], fill);
    const double keep = own.effective / (own.effective + prior_weight);
    const double rest = 1.0 - keep;
    found.probability = own.probability * keep + found.probability * rest;
    variance = own.error * (keep * keep) + variance * (rest * rest);
    found.effective = own.effective;
  }
  found.error = std::sqrt(variance);
  return found;
}

void place(const Shard& shard, Child& child) {
  const NewOrder& record = child.order->record;
  const std::int64_t ahead = units_ahead(shard, record.instrument, child.venue,
                                         child.order->side_index(), child.limit_nanos);
  child.queue = queue_bucket(ahead, shard.books[record.instrument].record.round_lot_units);
}

void observe(Shard& shard, Child& child) {
  if (child.rest_ns == 0) return;
  const std::int64_t now_ns = session_ns(shard, child);
  const std::int64_t age_ns = child.age_ns + now_ns - child.rest_ns;
  const double share =
      static_cast<double>(child.leaves_units()) / static_cast<double>(child.units);
  for (Hazard* hazard : hazards_of(shard, child)) {
    hazard->expose(child.queue, child.age_ns, age_ns, share);
  }
  child.rest_ns = now_ns;
  child.age_ns = age_ns;
}

void observe_report(Shard& shard, Child& child, const ExecReport& report) {
  const bool filled = report.exec_type == number(ExecType::TRADE);
  if (report.exec_type == number(ExecType::REPLACED)) {
    child.rest_ns = child.age_ns = 0;
    child.rested = false;
    place(shard, child);
  }
  if (child.rest_ns == 0 && is_in_book(child.state)) {
    child.rest_ns = std::max(std::int64_t{1}, session_ns(shard, child));
  }
  if (!child.rested && (filled || child.rest_ns != 0)) {
    child.rested = true;
    for (Hazard* hazard : hazards_of(shard, child)) hazard->enter(child.queue);
  }
  if (filled) {
    const std::size_t cell = child.queue * kHazardBuckets + bucket(kExposuresNs, child.age_ns);
    child.find_trade(report.trade_id)->cell = static_cast<std::uint8_t>(cell);
    const double share = share_of(report.last_units, child);
    for (Hazard* hazard : hazards_of(shard, child)) hazard->event(cell, share);
  }
  if (!is_in_book(child.state)) child.rest_ns = 0;
  Book& book = shard.books[child.order->record.instrument];
  book.dirty_execution |= std::uint64_t{1} << child.venue;
}

void retract(Shard& shard, const Child& child, const state::Trade& old,
             const state::Trade& changed) {
  if (old.cell == kNoCell) return;
  const double was = share_of(old.units, child);
  const double now = share_of(changed.units, child);
  const Grid& fill = shard.tables.grids().fill;
  const std::array<Hazard*, 2> both = hazards_of(shard, child);
  const std::int64_t at_ns[] = {old.row_ns, old.venue_ns};
  for (std::size_t i = 0; i < both.size(); ++i) {
    Hazard& hazard = *both[i];
    const double w = fill.weight(hazard.then_ns, at_ns[i]);
    const double events = hazard.events[old.cell] + (now - was) * w;
    const double squares = hazard.squares[old.cell] + (now * now - was * was) * (w * w);
    hazard.events[old.cell] = std::max(0.0, events);
    hazard.squares[old.cell] = std::max(0.0, squares);
  }
}

}  // namespace hazards
}  // namespace venuefold

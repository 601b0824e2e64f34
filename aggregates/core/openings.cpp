#include "openings.hpp"

#include <algorithm>

#include "shard.hpp"

namespace venuefold::openings {
namespace {

// Opens at times of day no further apart are the same.
constexpr std::int64_t kNearNs = 3600 * std::int64_t{1'000'000'000};

Opening* find(std::vector<Opening>& kept, std::int64_t slot_ns) {
  const auto found = std::find_if(kept.begin(), kept.end(), [slot_ns](const Opening& opening) {
    const std::int64_t apart_ns = opening.slot_ns - slot_ns;
    return -kNearNs <= apart_ns && apart_ns <= kNearNs;
  });
  return found != kept.end() ? &*found : nullptr;
}

// A new time of day; the one unused for the longest makes room.
Opening& place(std::vector<Opening>& kept, std::int64_t slot_ns) {
  if (kept.size() == kOpeningSlots) {
    kept.erase(std::min_element(kept.begin(), kept.end(), [](const Opening& a, const Opening& b) {
      return a.then_ns < b.then_ns;
    }));
  } else {
    kept.reserve(kOpeningSlots);
  }
  kept.emplace_back().slot_ns = slot_ns;
  return kept.back();
}

void add(OpeningMoments& kept, const Moments& told, double w) {
  kept.weight = kept.weight * w + told.weight;
  kept.weight_squares = kept.weight_squares * w + told.weight_squares;
  kept.total = kept.total * w + told.total;
  kept.squares = kept.squares * w + told.squares;
  kept.jumps = kept.jumps * w + told.jumps;
  kept.last = told.last;
}

void start(Moments& told, const OpeningMoments& kept, double days, std::int64_t now_ns) {
  told.then_ns = now_ns;
  told.weight = kept.weight / days;
  told.weight_squares = kept.weight_squares / days;
  told.total = kept.total / days;
  told.squares = kept.squares / days;
  told.jumps = kept.jumps / days;
  told.last = kept.last;
}

// The row starts where it stood on an average day; how old that is is forgotten.
void start(Shard& shard, std::size_t instrument, std::uint8_t venue, const Opening& opening) {
  Tick& tick = shard.books.tick(instrument, venue);
  Terms& terms = shard.books.terms(instrument, venue);
  for (std::size_t i = 0; i < TIME_SUMS; ++i) tick.sums[i] = opening.sums[i] / opening.days;
  const std::int64_t now_ns = tick.clock.at(shard.log_ns);
  start(tick.delay, opening.delay, opening.days, now_ns);
  start(terms.fill, opening.fill, opening.days, now_ns);
  start(terms.ack, opening.ack, opening.days, now_ns);
  tick.delay_step = shard.tables.grids().speed.step(now_ns);
  terms.belief.forget();
  const std::uint64_t bit = std::uint64_t{1} << venue;
  shard.books[instrument].taught |= bit;
  shard.books[instrument].dirty |= bit;
  shard.books[instrument].dirty_execution |= bit;
}

}  // namespace

void turn(Shard& shard, std::uint8_t venue, std::uint8_t code) {
  VenueQuality& quality = shard.venues[venue];
  if (code == number(VenueStatus::CLOSED)) {
    quality.closed = true;
  } else if (code == number(VenueStatus::OPEN) && quality.closed) {
    quality.closed = false;
    quality.opened_ns = shard.log_ns;
    for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
      const auto kept = shard.openings.find({static_cast<std::uint32_t>(instrument), venue});
      if (kept == shard.openings.end()) continue;
      const Opening* opening = find(kept->second, shard.log_ns % kDayNs);
      if (opening != nullptr) start(shard, instrument, venue, *opening);
    }
    const std::int64_t window_ns = shard.tables.settings().open_window_ns;
    if (window_ns != 0) shard.schedule(shard.log_ns + window_ns, TimerKind::OPENING, venue);
  }
}

void keep(Shard& shard, std::uint64_t venue) {
  // Only a restored state that is none of ours names a venue that is not there.
  if (venue >= shard.venues.size()) return;
  const VenueQuality& quality = shard.venues[venue];
  const std::int64_t opened_ns = shard.log_ns - shard.tables.settings().open_window_ns;
  if (quality.closed || quality.opened_ns != opened_ns) return;
  const Grid& days = shard.tables.grids().days;
  for (std::size_t instrument = 0; instrument < shard.books.size(); ++instrument) {
    shard.books.advance_row(instrument, venue, shard.now());
    const Tick& tick = shard.books.tick(instrument, venue);
    const Terms& terms = shard.books.terms(instrument, venue);
    if (!(tick.sums[OBSERVED] > 0.0)) continue;
    std::vector<Opening>& kept = shard.openings[{static_cast<std::uint32_t>(instrument),
                                                static_cast<std::uint32_t>(venue)}];
    Opening* opening = find(kept, opened_ns % kDayNs);
    if (opening == nullptr) opening = &place(kept, opened_ns % kDayNs);
    const double w =
        opening->days > 0.0 ? days.weight(shard.log_ns, opening->then_ns) : 0.0;
    opening->then_ns = shard.log_ns;
    opening->days = opening->days * w + 1.0;
    for (std::size_t i = 0; i < TIME_SUMS; ++i) {
      opening->sums[i] = opening->sums[i] * w + tick.sums[i];
    }
    add(opening->delay, tick.delay, w);
    add(opening->fill, terms.fill, w);
    add(opening->ack, terms.ack, w);
  }
}

}  // namespace venuefold::openings

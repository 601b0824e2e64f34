#include "health.hpp"

namespace venuefold {

void VenueQualities::set_health(std::size_t venue, HealthState health) {
  const std::uint64_t bit = std::uint64_t{1} << venue;
  list[venue].health = health;
  up = health == HealthState::UP ? up | bit : up & ~bit;
  degraded = health == HealthState::DEGRADED ? degraded | bit : degraded & ~bit;
}

const VenuePrior& VenueQualities::find_prior(std::size_t venue, std::int64_t now_ns,
                                             const Tables& tables) {
  const VenueQuality& quality = list[venue];
  const Grids& grids = tables.grids();
  const double fill_ratio = venue_fill_ratio(quality, now_ns, tables.fill_prior(venue), tables);
  const double ack_ns = venue_ack_ns(quality, now_ns, tables.ack_prior_ns(venue), tables);
  VenuePrior& known = priors[venue];
  known.until_ns = std::min(grids.fill.next_ns(now_ns), grids.speed.next_ns(now_ns));
  known.fill_ratio = fill_ratio;
  known.ack_ns = ack_ns;
  known.fill_share = steps_of(fill_ratio);
  known.ack_added_ns = ack_ns * tables.priors().ack_weight;
  return known;
}

double venue_fill_ratio(const VenueQuality& venue, std::int64_t now_ns, double prior,
                        const Tables& tables) {
  return venue.fill.shrunk(now_ns, tables.grids().fill, prior, tables.priors().fill_weight);
}

double venue_ack_ns(const VenueQuality& venue, std::int64_t now_ns, std::int64_t prior_ns,
                    const Tables& tables) {
  return venue.ack.shrunk(now_ns, tables.grids().speed, static_cast<double>(prior_ns),
                          tables.priors().ack_weight);
}

namespace health {
namespace {

using E = HealthEvent;
using S = HealthState;

constexpr std::uint64_t kOutageFactor = 2;
constexpr double kStaleOutageFactor = 10.0;

// The rows of aggregates.health.TRANSITIONS.
S transition(S state, E event) {
  switch (event) {
    case E::FAULT:
      if (state == S::UP) return S::DEGRADED;
      return state == S::COOLING ? S::DOWN : state;
    case E::OUTAGE:
      return S::DOWN;
    case E::HALT:
      return S::HALTED;
    case E::EVIDENCE:
      return state == S::HALTED || state == S::DOWN ? S::COOLING : state;
    case E::CLEAN_RUN:
      return state == S::DEGRADED || state == S::COOLING ? S::UP : state;
  }
  return state;
}

void burst(const Event& at, std::uint64_t in_row, std::uint64_t burst_length) {
  VenueQuality& quality = at.quality();
  quality.clean = 0;
  const bool relapse = in_row >= burst_length && quality.health == S::COOLING;
  if (in_row >= burst_length * kOutageFactor || relapse) {
    fire(at, E::OUTAGE);
  } else if (in_row == burst_length) {
    fire(at, E::FAULT);
  }
}

}  // namespace

void fire(const Event& at, HealthEvent event) {
  VenueQuality& quality = at.quality();
  const S before = quality.health;
  const S after = transition(before, event);
  if (event == E::FAULT || event == E::OUTAGE || event == E::HALT) quality.clean = 0;
  if (after == before) return;
  const std::uint64_t base = at.settings.clean_run;
  std::uint64_t needed = std::max(quality.clean_needed, base);
  if (before == S::COOLING && after == S::DOWN) {
    ++quality.relapses;
    needed = std::min(needed * 2, std::max(std::uint64_t{at.settings.clean_run_max}, base));
  } else if (event == E::CLEAN_RUN) {
    needed = std::max(needed / 2, base);
  }
  quality.clean_needed = needed;
  quality.clean = 0;
  if (event == E::EVIDENCE || event == E::CLEAN_RUN) {
    quality.rejects_in_row = quality.timeouts_in_row = quality.cancel_timeouts_in_row = 0;
  }
  quality.since_ns = at.now_ns;
  at.venues.set_health(at.venue, after);
  at.venues.changed |= std::uint64_t{1} << at.venue;
  at.venues.dirty |= std::uint64_t{1} << at.venue;
}

void clean_outcome(const Event& at) {
  VenueQuality& quality = at.quality();
  if (quality.health == S::HALTED || quality.health == S::DOWN) {
    fire(at, E::EVIDENCE);
    return;
  }
  if (quality.health == S::UP) return;
  ++quality.clean;
  if (quality.clean >= std::max(quality.clean_needed, std::uint64_t{at.settings.clean_run})) {
    fire(at, E::CLEAN_RUN);
  }
}

void observe_answer(const Event& at, bool rejected) {
  VenueQuality& quality = at.quality();
  quality.timeouts_in_row = 0;
  if (rejected) {
    ++quality.rejects_in_row;
    burst(at, quality.rejects_in_row, at.settings.reject_burst);
  } else {
    quality.rejects_in_row = 0;
    clean_outcome(at);
  }
}

void observe_timeout(const Event& at) {
  VenueQuality& quality = at.quality();
  ++quality.timeouts_in_row;
  burst(at, quality.timeouts_in_row, at.settings.timeout_burst);
}

void observe_cancel_timeout(const Event& at) {
  VenueQuality& quality = at.quality();
  ++quality.cancel_timeouts_in_row;
  burst(at, quality.cancel_timeouts_in_row, at.settings.timeout_burst);
}

void check(const Event& at) {
  const VenueQuality& quality = at.quality();
  if (quality.quote_ns == 0) return;
  const double usual = quality.gap.mean() * static_cast<double>(at.settings.stale_multiple);
  const double allowed = std::max(usual, static_cast<double>(at.settings.stale_floor_ns));
  const auto silence = static_cast<double>(at.now_ns - quality.quote_ns);
  if (silence > allowed * kStaleOutageFactor) {
    fire(at, E::OUTAGE);
  } else if (silence > allowed) {
    fire(at, E::FAULT);
  } else {
    clean_outcome(at);
  }
}

}  // namespace health
}  // namespace venuefold

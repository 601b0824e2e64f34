#include "health.hpp"

#include <bit>

namespace venuefold {

void VenueQualities::set_health(std::size_t venue, HealthState health) {
  const std::uint64_t bit = std::uint64_t{1} << venue;
  list[venue].health = health;
  up = health == HealthState::UP ? up | bit : up & ~bit;
  degraded = health == HealthState::DEGRADED ? degraded | bit : degraded & ~bit;
}

void VenueQualities::find_priors(std::int64_t log_ns, const Tables& tables) {
  for (; forgotten_ != 0; forgotten_ &= forgotten_ - 1) {
    const auto venue = static_cast<std::size_t>(std::countr_zero(forgotten_));
    if (venue >= list.size()) break;
    const SessionClock& session = list[venue].session;
    find_prior(venue, session.at(log_ns), tables);
    // A clock that stands holds what it has until it is turned.
    if (!session.is_running()) continue;
    priors_until_ns_ = std::min(priors_until_ns_, priors[venue].until_ns + session.paused_ns);
  }
  forgotten_ = 0;
}

void VenueQualities::find_prior(std::size_t venue, std::int64_t now_ns, const Tables& tables) {
  const VenueQuality& quality = list[venue];
  const Grids& grids = tables.grids();
  const Priors& unseen = tables.priors();
  const std::int64_t fill_step = grids.fill.step(now_ns);
  const std::int64_t speed_step = grids.speed.step(now_ns);
  VenuePrior& known = priors[venue];
  known.until_ns = std::min(grids.fill.end_ns(fill_step), grids.speed.end_ns(speed_step));
  known.fill_ratio = quality.fill.shrunk(grids.fill.weight_at(fill_step, quality.fill.then_ns),
                                         tables.fill_prior(venue), unseen.fill_weight);
  known.ack_ns = quality.ack.shrunk(grids.speed.weight_at(speed_step, quality.ack.then_ns),
                                    static_cast<double>(tables.ack_prior_ns(venue)),
                                    unseen.ack_weight);
  known.ack_added_ns = known.ack_ns * unseen.ack_weight;
  known.untaught_ack_ns = (0.0 + known.ack_added_ns) / (0.0 + unseen.ack_weight);
  const Lent lent{steps_of(known.fill_ratio), steps_of(tables.fill_prior(venue))};
  if (known.is_lent && known.lent == lent) return;
  known.is_lent = true;
  known.lent = lent;
  known.untaught = untaught(lent, unseen);
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

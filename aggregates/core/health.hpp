// Venue health: a transition table with hysteresis that one good reply cannot buy.
//
// FAULT is a burst of rejects, of time-outs of children or of cancels, or a stale feed; OUTAGE a
// burst twice as long, a feed stale ten times as long, or the venue's own word; HALT the venue's
// own word. EVIDENCE is any sign of life; a CLEAN_RUN is `clean_needed` clean outcomes in a row. A
// relapse from COOLING doubles what the next run needs, up to a bound; each run that succeeds
// halves it again.
#pragma once

#include <array>
#include <vector>

#include "belief.hpp"
#include "histogram.hpp"
#include "moments.hpp"
#include "schemas/core/codes.hpp"
#include "schemas/core/layout.hpp"
#include "session.hpp"
#include "tables.hpp"

namespace venuefold {

constexpr std::size_t kVenueDrops = 8;
// Other, equity, crypto, event: instruments whose feed delay is told apart.
constexpr std::size_t kAssetClasses = 4;

// Rolled-up quality and health of one venue; what a tick changes lies in front.
struct alignas(64) VenueQuality {
  SessionClock session;
  std::int64_t quote_ns = 0;
  // Of the last gap on its grid.
  std::int64_t gap_step = 0;
  Moments gap;
  Moments ack;
  Moments fill;
  Moments reject;
  HealthState health = HealthState::UP;
  std::int64_t since_ns = 0;
  std::uint64_t rejects_in_row = 0;
  std::uint64_t timeouts_in_row = 0;
  std::uint64_t cancel_timeouts_in_row = 0;
  // Markouts dropped for another reason than our own orders, by reason and side.
  std::uint64_t drops[kVenueDrops] = {};
  std::uint64_t clean = 0;
  std::uint64_t clean_needed = 0;
  std::uint64_t relapses = 0;
  std::int64_t opened_ns = 0;
  std::int64_t probe_due_ns = 0;
  std::uint64_t probes = 0;
  bool closed = false;
  // By class of instrument.
  Histogram feed_histograms[kAssetClasses];
  Histogram ack_histogram;
  Histogram fill_histogram;
};

// What a venue as a whole lends to its rows, and until which of its session times that holds.
struct VenuePrior {
  std::int64_t until_ns = 0;
  double fill_ratio = 0.0;
  double ack_ns = 0.0;
  // The latency times the weight of the prior.
  double ack_added_ns = 0.0;
  // The filled shares as decisions use them, and what follows for a row that was taught nothing.
  Lent lent;
  bool is_lent = false;
  SizeBelief untaught;
  double untaught_ack_ns = 0.0;
};

// All venues by dense id. Masks have a bit for each: `changed` health to be told at once, `dirty`
// quality to be told on the cadence, and who is up or degraded.
struct VenueQualities {
  std::vector<VenueQuality> list;
  std::uint64_t changed = 0;
  std::uint64_t dirty = 0;
  std::uint64_t up = 0;
  std::uint64_t degraded = 0;
  std::array<VenuePrior, kMaxVenues> priors;

  std::size_t size() const { return list.size(); }
  VenueQuality& operator[](std::size_t venue) { return list[venue]; }
  const VenueQuality& operator[](std::size_t venue) const { return list[venue]; }
  void add() {
    list.emplace_back();
    forget_prior(list.size() - 1);
    set_health(list.size() - 1, HealthState::UP);
  }
  void set_health(std::size_t venue, HealthState health);
  // Brings `priors` to now, for decisions: those of which something was taught or whose session was
  // turned, and all of them once a grid has moved on.
  void follow_priors(std::int64_t log_ns, const Tables& tables) {
    if (log_ns >= priors_until_ns_) [[unlikely]] expire_priors();
    if (forgotten_ != 0) find_priors(log_ns, tables);
  }
  const VenuePrior& prior(std::size_t venue, std::int64_t log_ns, const Tables& tables) {
    follow_priors(log_ns, tables);
    return priors[venue];
  }
  void forget_prior(std::size_t venue) { forgotten_ |= std::uint64_t{1} << venue; }
  // All of them, and what follows from the settings.
  void forget_priors() {
    expire_priors();
    for (VenuePrior& prior : priors) prior.is_lent = false;
  }

 private:
  std::uint64_t forgotten_ = 0;
  // Log time until which none of the others changes.
  std::int64_t priors_until_ns_ = kInt64Max;

  void expire_priors() {
    forgotten_ = ~std::uint64_t{0};
    priors_until_ns_ = kInt64Max;
  }
  void find_priors(std::int64_t log_ns, const Tables& tables);
  void find_prior(std::size_t venue, std::int64_t now_ns, const Tables& tables);
};

// Expected filled share and acknowledgement latency of a venue, shrunk to the settings' prior.
double venue_fill_ratio(const VenueQuality& venue, std::int64_t now_ns, double prior,
                        const Tables& tables);
double venue_ack_ns(const VenueQuality& venue, std::int64_t now_ns, std::int64_t prior_ns,
                    const Tables& tables);

namespace health {

// What an event at a venue needs to know.
struct Event {
  VenueQualities& venues;
  std::size_t venue;
  std::int64_t now_ns;
  const Settings& settings;

  VenueQuality& quality() const { return venues[venue]; }
};

// Moves the venue's health; events without a transition only spoil a clean run.
void fire(const Event& at, HealthEvent event);
// A sign of good order: an acknowledgement, a fill, a fresh feed at a health check.
void clean_outcome(const Event& at);
// The outcome of a child: order after order in a row counts, one good reply heals nothing.
void observe_answer(const Event& at, bool rejected);
// A child that was not answered in time.
void observe_timeout(const Event& at);
// A cancel that was not answered in time: orders that go well must not hide it.
void observe_cancel_timeout(const Event& at);
// Staleness against the venue's own usual gap; a fresh feed is a clean outcome.
void check(const Event& at);

// A quote of any instrument: the venue's usual gap, and life after a silence.
[[gnu::always_inline]] inline void observe_quote(VenueQuality& quality, std::int64_t now_ns,
                                                 Pace& speed) {
  if (quality.quote_ns != 0) [[likely]] {
    const std::int64_t session_ns = quality.session.at(now_ns);
    const std::int64_t step = speed.step(session_ns);
    quality.gap.fade_and_observe(static_cast<double>(now_ns - quality.quote_ns), session_ns,
                                 weight(step - quality.gap_step));
    quality.gap_step = step;
  }
  quality.quote_ns = now_ns;
}

}  // namespace health
}  // namespace venuefold

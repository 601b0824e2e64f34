#include "belief.hpp"

#include "availability.hpp"
#include "quality.hpp"

namespace venuefold {
namespace {

// What was never taught does not fade.
std::int64_t until(const Grid& grid, std::int64_t now_step, bool is_taught) {
  return is_taught ? grid.end_ns(now_step) : kInt64Max;
}

}  // namespace

void Belief::find_sizes(const Terms& terms, const Evidence& evidence, std::int64_t now_ns,
                        const Lent& lent, const Tables& tables) {
  const double prior_weight = tables.priors().fill_weight;
  const double venue_ratio = static_cast<double>(lent.share) / kShareSteps;
  const double untold = static_cast<double>(steps_of(lent.prior)) / kShareSteps;
  venue_share = lent.share;
  if (sizes_until_ns == kInt64Max) {
    // Nothing has been taught since: no line of memory has to be fetched to see that again.
    fill_ratio = (0.0 + venue_ratio * prior_weight) / (0.0 + prior_weight);
    misses = untaught_misses({venue_ratio, untold, fill_ratio});
    return;
  }
  const Grid& grid = tables.grids().fill;
  const std::int64_t now_step = grid.step(now_ns);
  const Moments& fill = terms.fill;
  // Of sums that are 0 it does not matter what they have faded to.
  const bool is_bare = fill.weight == 0.0 && fill.total == 0.0;
  const double w = is_bare ? 1.0 : grid.weight_at(now_step, fill.then_ns);
  fill_ratio = fill.shrunk(w, venue_ratio, prior_weight);
  misses = venuefold::misses(evidence, now_step, {venue_ratio, untold, fill_ratio}, tables);
  sizes_until_ns = until(grid, now_step, !is_bare || evidence.trials[0] != 0.0);
}

void Belief::find_ack(const Terms& terms, std::int64_t now_ns, const Tables& tables) {
  const Grid& grid = tables.grids().speed;
  const std::int64_t now_step = grid.step(now_ns);
  const double faded = grid.weight_at(now_step, terms.ack.then_ns);
  ack_total = terms.ack.total * faded;
  ack_weight = terms.ack.weight * faded + tables.priors().ack_weight;
  ack_until_ns = until(grid, now_step, terms.ack.weight > 0.0);
}

}  // namespace venuefold

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
                        std::uint32_t share, const Tables& tables) {
  const Grid& grid = tables.grids().fill;
  const std::int64_t now_step = grid.step(now_ns);
  const Moments& fill = terms.fill;
  // Of sums that are 0 it does not matter what they have faded to.
  const bool is_bare = fill.weight == 0.0 && fill.total == 0.0;
  const double w = is_bare ? 1.0 : grid.weight_at(now_step, fill.then_ns);
  const double venue_ratio = static_cast<double>(share) / kShareSteps;
  venue_share = share;
  fill_ratio = fill.shrunk(w, venue_ratio, tables.priors().fill_weight);
  misses = venuefold::misses(evidence, now_step, venue_ratio, fill_ratio, tables);
  sizes_until_ns = until(grid, now_step, fill.weight > 0.0 || evidence.trials[0] > 0.0);
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

#include "belief.hpp"

#include "availability.hpp"
#include "quality.hpp"

namespace venuefold {
namespace {

// What was never taught does not fade.
std::int64_t until(const Grid& grid, std::int64_t now_ns, bool is_taught) {
  return is_taught ? grid.next_ns(now_ns) : kInt64Max;
}

}  // namespace

void Belief::find_sizes(const Terms& terms, const Evidence& evidence, std::int64_t now_ns,
                        const Lent& lent, const Tables& tables) {
  const Grid& grid = tables.grids().fill;
  const double venue_ratio = static_cast<double>(lent.share) / kShareSteps;
  const double prior = static_cast<double>(steps_of(lent.prior)) / kShareSteps;
  venue_share = lent.share;
  fill_ratio = terms.fill.shrunk(now_ns, grid, venue_ratio, tables.priors().fill_weight);
  misses = venuefold::misses(evidence, now_ns, {venue_ratio, prior, fill_ratio}, tables);
  const bool is_taught = terms.fill.weight > 0.0 || evidence.trials[0] > 0.0;
  sizes_until_ns = until(grid, now_ns, is_taught);
}

void Belief::find_ack(const Terms& terms, std::int64_t now_ns, const Tables& tables) {
  const Grid& grid = tables.grids().speed;
  const double faded = grid.weight(now_ns, terms.ack.then_ns);
  ack_total = terms.ack.total * faded;
  ack_weight = terms.ack.weight * faded + tables.priors().ack_weight;
  ack_until_ns = until(grid, now_ns, terms.ack.weight > 0.0);
}

}  // namespace venuefold

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

SizeBelief untaught(const Lent& lent, const Priors& priors) {
  const double venue = share_of(lent.share);
  const double untold = share_of(lent.untold);
  const double own = (0.0 + venue * priors.fill_weight) / (0.0 + priors.fill_weight);
  return {untaught_misses({venue, untold, own}), own};
}

void Belief::find_sizes(const Terms& terms, std::int64_t now_ns, const Lent& lent,
                        const Tables& tables) {
  const Grid& grid = tables.grids().fill;
  const double prior_weight = tables.priors().fill_weight;
  const double venue = share_of(lent.share);
  const std::int64_t now_step = grid.step(now_ns);
  const Moments& fill = terms.fill;
  // Of sums that are 0 it does not matter what they have faded to.
  const bool is_bare = fill.weight == 0.0 && fill.total == 0.0;
  const double w = is_bare ? 1.0 : grid.weight_at(now_step, fill.then_ns);
  const double own = fill.shrunk(w, venue, prior_weight);
  const double faded = grid.weight_at(now_step, terms.survival_then_ns);
  sizes.fill_ratio = own;
  sizes.misses =
      misses(terms.survival, told, faded, {venue, share_of(lent.untold), own}, prior_weight);
  venue_share = lent.share;
  sizes_until_ns = until(grid, now_step, !is_bare || terms.survival.sizes[0].trials != 0.0);
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

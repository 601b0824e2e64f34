#include "retraction.hpp"

#include <algorithm>
#include <vector>

#include "hazards.hpp"
#include "learning.hpp"
#include "shard.hpp"

namespace venuefold::retraction {
namespace {

// A trade's measure as it was and as it is now, in the place where it was observed.
struct Change {
  const state::Trade& old;
  const state::Trade& changed;
  const Grid& grid;

  void apply(Moments& moments, double was, double is_now) const {
    if (changed.units != 0) {
      moments.replace(was, is_now, old.row_ns, grid);
    } else {
      moments.retract(was, old.row_ns, grid);
    }
  }
};

void change_costs(Shard& shard, const Child& child, const Change& change) {
  const std::uint32_t instrument = child.order->record.instrument;
  Evidence& evidence = shard.books.teach(instrument, child.venue);
  const std::int64_t one = shard.books[instrument].record.units_per_one;
  const state::Trade& old = change.old;
  const state::Trade& now = change.changed;
  if (child.mid_x2 != 0) {
    change.apply(evidence.effective_bps, learning::effective_bps(child, old.nanos),
                 learning::effective_bps(child, now.nanos));
  }
  if (child.far_nanos != 0) {
    change.apply(evidence.improvement_bps, learning::improvement_bps(child, old.nanos),
                 learning::improvement_bps(child, now.nanos));
  }
  const double was = learning::all_in_bps(child, old.units, old.nanos, old.fee_nanos, one);
  const double is_now =
      now.units != 0 ? learning::all_in_bps(child, now.units, now.nanos, now.fee_nanos, one) : 0.0;
  change.apply(evidence.all_in_bps, was, is_now);
}

void change_fees(Shard& shard, const Child& child, const Change& change) {
  const std::uint32_t instrument = child.order->record.instrument;
  FeeTier plain{};
  const FeeTier* line = learning::fee_line(shard, child, change.old.liquidity, plain);
  if (line == nullptr) return;
  std::vector<state::Trade> others = child.trades;
  std::erase_if(others, [&](const state::Trade& trade) {
    return trade.trade_id == change.old.trade_id;
  });
  const std::int64_t one = shard.books[instrument].record.units_per_one;
  int128 expected = -charge_nanos(*line, others, {change.old.units, change.old.nanos}, one);
  if (change.changed.units != 0) {
    expected += charge_nanos(*line, others, {change.changed.units, change.changed.nanos}, one);
  }
  Evidence& evidence = shard.books.teach(instrument, child.venue);
  evidence.fee_expected_nanos = add_clamped(evidence.fee_expected_nanos, expected);
  const int128 charged = int128{change.changed.fee_nanos} - change.old.fee_nanos;
  evidence.fee_charged_nanos = add_clamped(evidence.fee_charged_nanos, charged);
}

void change_survival(Survival& survival, double w, std::int64_t sent, std::int64_t before,
                     std::int64_t after, std::int64_t lot) {
  const auto number_of = [](bool holds) { return holds ? 1.0 : 0.0; };
  for (std::size_t index = 0; index < kSurvivalSizes; ++index) {
    const std::int64_t units = telling_units(sent, lot, index);
    if (units == 0) continue;
    double& success = survival.sizes[index].success;
    success = std::max(0.0, success + (number_of(after >= units) - number_of(before >= units)) * w);
  }
}

// What the end of the child said of the size that could be had.
void change_end(Shard& shard, const Child& child, std::int64_t before, std::int64_t after) {
  const std::uint32_t instrument = child.order->record.instrument;
  const Grid& fill = shard.tables.grids().fill;
  Evidence& evidence = shard.books.teach(instrument, child.venue);
  Terms& terms = shard.books.terms(instrument, child.venue);
  const std::int64_t asked = std::min(child.units, child.displayed_units);
  if (asked > 0) {
    const auto share = [asked](std::int64_t units) {
      return static_cast<double>(std::min(units, asked)) / static_cast<double>(asked);
    };
    terms.fill.replace(share(before), share(after), child.ended_ns, fill);
    shard.venues[child.venue].fill.replace(share(before), share(after), child.ended_venue_ns, fill);
  }
  if (child.units > child.displayed_units) {
    const auto hidden = [&child](std::int64_t units) {
      return static_cast<double>(std::max(std::int64_t{0}, units - child.displayed_units));
    };
    evidence.hidden_units.replace(hidden(before), hidden(after), child.ended_ns, fill);
  }
  const double w = fill.weight(terms.survival_then_ns, child.ended_ns);
  change_survival(terms.survival, w, child.units, before, after,
                  shard.books[instrument].record.round_lot_units);
  shard.books.forget_belief(instrument, child.venue);
  shard.venues.forget_prior(child.venue);
}

}  // namespace

void observe_change(Shard& shard, Child& child, const state::Trade& old,
                    const state::Trade& changed) {
  const Change change{old, changed, shard.tables.grids().cost};
  change_costs(shard, child, change);
  change_fees(shard, child, change);
  hazards::retract(shard, child, old, changed);
  if (child.ended_ns != 0) {
    const std::int64_t before = child.ended_units;
    child.ended_units = std::max(std::int64_t{0}, before + changed.units - old.units);
    change_end(shard, child, before, child.ended_units);
  }
  const std::uint64_t bit = std::uint64_t{1} << child.venue;
  shard.books[child.order->record.instrument].dirty_execution |= bit;
  shard.venues.dirty |= bit;
}

}  // namespace venuefold::retraction

#include "reduced.hpp"

#include <algorithm>

namespace venuefold {

std::int64_t last_price(const CurveList& curves,
                        const std::array<std::int64_t, kMaxVenues>& floors, const Sizes& sizes) {
  constexpr std::int64_t none = -kInt64Max;
  std::int64_t above = none;
  std::int64_t all = none;
  for_each_bit(sizes.used, [&](std::size_t i) {
    const std::int64_t last = curves[i].last_nanos(sizes.units[i]);
    all = std::max(all, last);
    if (sizes.units[i] > floors[i]) above = std::max(above, last);
  });
  if (all == none) return 0;
  return above != none ? above : all;
}

namespace {

// What one bounded charge is made for, at a price.
struct Fill128 {
  int128 plain = 0;
  int128 free = 0;
  bool has_rebate = false;

  void add(std::int64_t units, std::int64_t cost, std::int64_t fee) {
    const std::int64_t without = cost - std::max(std::int64_t{0}, fee);
    plain += int128{std::min(std::int64_t{0}, cost)} * units;
    free += int128{std::min(std::int64_t{0}, without)} * units;
    has_rebate |= fee < 0;
  }
  int128 least(const FeeTier& line, std::int64_t one) const {
    if (has_rebate) return free;
    const int128 cost = std::max(plain, free + bounded_charge(line, 0, one));
    return line.max_nanos != 0 ? std::min(cost, free + int128{line.max_nanos} * one) : cost;
  }
};

}  // namespace

Reduced::Reduced(const Task& task, const CurveList& curves, std::int64_t price_nanos)
    : price_(price_nanos), whole_(int128{price_nanos} * task.wanted) {
  for_each_bit(task.candidates.eligible, [&](std::size_t i) {
    const Candidate& candidate = task.candidates[i];
    const bool is_bounded = candidate.bounds != nullptr && task.policy.fee_aware != 0;
    costs_[i] = int128{candidate.ticket_nanos} * task.units_per_one +
                (is_bounded ? bounded(task, i) : plain(curves[i], task.wanted));
  });
}

int128 Reduced::plain(const Curve& curve, std::int64_t wanted) const {
  int128 sum = 0;
  for (std::size_t p = 0; p < curve.count && wanted > 0; ++p) {
    // Pieces only get dearer.
    if (curve.cost_nanos[p] >= price_) break;
    const std::int64_t units = std::min(wanted, curve.units[p]);
    sum += int128{curve.cost_nanos[p] - price_} * units;
    wanted -= units;
  }
  return sum;
}

int128 Reduced::bounded(const Task& task, std::size_t i) const {
  const Candidate& candidate = task.candidates[i];
  const FeeTier& line = *candidate.bounds;
  int128 first = 0;
  int128 others = 0;
  bool is_first = true;
  Fill128 fill;
  const auto close = [&] {
    const int128 cost = fill.least(line, task.units_per_one);
    (is_first ? first : others) += is_first ? cost : std::min(int128{0}, cost);
    is_first = false;
    fill = {};
  };
  Piece piece;
  std::uint8_t level = 0;
  std::int64_t left = task.wanted;
  bool is_open = false;
  for (Pieces pieces = task.pieces(i); left > 0 && pieces.next(piece);) {
    if (is_open && line.per_order == 0 && piece.level != level) close();
    const std::int64_t units = std::min(left, piece.units);
    const std::int64_t fee = candidate.fee_nanos(candidate.levels[piece.level].price_nanos);
    fill.add(units, piece.cost_nanos - price_, fee);
    level = piece.level;
    is_open = true;
    left -= units;
  }
  if (is_open) close();
  return first + others;
}

}  // namespace venuefold

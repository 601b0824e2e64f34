#include "fee_bounds.hpp"

#include <algorithm>
#include <span>

namespace venuefold {
namespace {

// Plain fees that are bounded one by one, in nanos * units.
struct Charges128 {
  std::size_t count = 0;
  std::array<int128, kMaxLevels> list;
};

Charges128 charges_of(const Candidate& candidate, std::int64_t units) {
  Charges128 found;
  const std::size_t last = candidate.levels_count - 1u;
  for (std::size_t l = 0; l <= last; ++l) {
    const Offer& level = candidate.levels[l];
    const std::int64_t taken = l == last ? units : std::min(units, level.available_units);
    units -= taken;
    if (taken == 0) continue;
    found.list[found.count++] = int128{candidate.fee_nanos(level.price_nanos)} * taken;
  }
  if (candidate.bounds->per_order == 0) return found;
  int128 sum = 0;
  for (std::size_t n = 0; n < found.count; ++n) sum += found.list[n];
  found.list[0] = sum;
  found.count = 1;
  return found;
}

FeePiece without_fee(const FeePiece& piece) {
  return {piece.units, piece.cost_nanos - piece.fee_nanos, piece.fee_nanos, piece.level};
}

using Group = std::span<const FeePiece>;

// Pieces without fees until these come to the minimum, which a rebate does not have.
void add_above_least(const FeeTier& line, Group group, std::int64_t one, FeeCurve& curve) {
  int128 free = int128{line.min_nanos} * one;
  for (const FeePiece& piece : group) {
    if (piece.fee_nanos < 0) free = 0;
  }
  for (const FeePiece& piece : group) {
    std::int64_t gratis = 0;
    if (piece.fee_nanos > 0) {
      const int128 most = free / piece.fee_nanos;
      gratis = most < piece.units ? static_cast<std::int64_t>(most) : piece.units;
    } else if (piece.fee_nanos == 0 && free != 0) {
      gratis = piece.units;
    }
    FeePiece part = piece;
    part.units = gratis;
    part.cost_nanos = piece.cost_nanos - piece.fee_nanos;
    if (gratis != 0) curve.push_back(part);
    free -= int128{piece.fee_nanos} * gratis;
    std::int64_t rest = piece.units - gratis;
    if (rest != 0 && free != 0) {
      // The unit with which the minimum is reached.
      part.units = 1;
      part.cost_nanos = piece.cost_nanos - static_cast<std::int64_t>(free);
      curve.push_back(part);
      --rest;
      free = 0;
    }
    part.units = rest;
    part.cost_nanos = piece.cost_nanos;
    if (rest != 0) curve.push_back(part);
  }
}

}  // namespace

int128 extra(const Candidate& candidate, std::int64_t units, std::int64_t one) {
  const Charges128 charges = charges_of(candidate, units);
  int128 sum = 0;
  for (std::size_t n = 0; n < charges.count; ++n) {
    sum += bounded_charge(*candidate.bounds, charges.list[n], one) - charges.list[n];
  }
  return sum;
}

std::uint8_t curve_of(const Candidate& candidate, std::int64_t units, std::int64_t one) {
  const Charges128 charges = charges_of(candidate, units);
  if (charges.count == 0) return 0;
  const std::int64_t most = candidate.bounds->max_nanos;
  const std::size_t depth = charges.count - 1;
  if (units == 0 || most == 0) return static_cast<std::uint8_t>(depth);
  const bool is_most = charges.list[depth] >= int128{most} * one;
  return static_cast<std::uint8_t>(2 * depth + std::size_t{is_most});
}

std::vector<FeeCurve> curves_of(const Candidate& candidate, const FeeCurve& pieces,
                                std::int64_t one) {
  const FeeTier& line = *candidate.bounds;
  std::vector<FeeCurve> found;
  FeeCurve before;
  for (std::size_t first = 0, end = 0; first < pieces.size(); first = end) {
    const std::uint8_t level = pieces[first].level;
    for (end = first; end < pieces.size() && (line.per_order != 0 || pieces[end].level == level);) {
      ++end;
    }
    const Group group(pieces.data() + first, end - first);
    found.push_back(before);
    add_above_least(line, group, one, found.back());
    for (const FeePiece& piece : group) before.push_back(without_fee(piece));
    if (line.max_nanos != 0) found.push_back(before);
  }
  return found;
}

}  // namespace venuefold

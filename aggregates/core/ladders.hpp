// Offers in the order in which they should be taken, on one cost curve of each venue.
//
// Most venues have one curve, their offers as they are priced; one whose fee line has a minimum or
// a maximum has several (fee_bounds.hpp), of which a trial of the search uses one.
#pragma once

#include <algorithm>
#include <tuple>
#include <vector>

#include "fee_bounds.hpp"
#include "merge.hpp"

namespace venuefold {

// FeeCurve by candidate; 0 where it has no other.
using Curves = std::array<std::uint8_t, kMaxVenues>;

// The places of all curves, sorted once; nothing where no candidate has a bounded fee.
class Ladders {
 public:
  explicit Ladders(const Task& task) : task_(task) {
    if (!task.candidates.has_tickets || task.policy.fee_aware == 0) return;
    for_each_bit(task.candidates.eligible, [&](std::size_t i) {
      if (task.candidates[i].bounds != nullptr) bounded_ |= bit(i);
    });
    if (bounded_ == 0) return;
    for_each_bit(task.candidates.eligible, [&](std::size_t i) { add(i); });
    std::sort(places_.begin(), places_.end());
  }

  // Those that have a bounded fee.
  Mask bounded() const { return bounded_; }
  std::uint8_t choices(std::size_t i) const { return (bounded_ & bit(i)) != 0 ? counts_[i] : 1; }
  // The curves on which these sizes cost what they cost.
  Curves settled(const Sizes& sizes) const {
    Curves found{};
    for_each_bit(bounded_, [&](std::size_t i) {
      found[i] = curve_of(task_.candidates[i], sizes.of(i), task_.units_per_one);
    });
    return found;
  }

  // Turns to some curves; `at` then reads their places from the first on, one after the other.
  void choose(const Curves& curves) { chosen_ = curves; }
  const Place* at(std::size_t n) {
    next_ = n == 0 ? 0 : next_;
    while (next_ < places_.size()) {
      const Sorted& place = places_[next_++];
      if (chosen_[place.place.candidate] == place.curve) return &place.place;
    }
    return nullptr;
  }

 private:
  struct Sorted {
    std::int64_t cost_nanos;
    std::size_t piece;
    std::uint8_t curve;
    Place place;

    bool operator<(const Sorted& other) const {
      return std::tie(cost_nanos, place.candidate, piece, curve) <
             std::tie(other.cost_nanos, other.place.candidate, other.piece, other.curve);
    }
  };

  const Task& task_;
  Mask bounded_ = 0;
  std::size_t next_ = 0;
  Curves chosen_{};
  Curves counts_{};
  std::vector<Sorted> places_;

  void add(std::size_t i) {
    FeeCurve pieces;
    Piece piece;
    const Candidate& candidate = task_.candidates[i];
    for (Pieces rest = task_.pieces(i); rest.next(piece);) {
      const std::int64_t price = candidate.levels[piece.level].price_nanos;
      pieces.push_back({piece.units, piece.cost_nanos, candidate.fee_nanos(price), piece.level});
    }
    if ((bounded_ & bit(i)) == 0) return add(i, 0, pieces);
    const std::vector<FeeCurve> curves = curves_of(candidate, pieces, task_.units_per_one);
    for (const FeeCurve& curve : curves) add(i, counts_[i]++, curve);
  }
  void add(std::size_t i, std::uint8_t curve, const FeeCurve& pieces) {
    for (std::size_t p = 0; p < pieces.size(); ++p) {
      places_.push_back({pieces[p].cost_nanos, p, curve,
                         {static_cast<std::uint8_t>(i), pieces[p].units}});
    }
  }
};

}  // namespace venuefold

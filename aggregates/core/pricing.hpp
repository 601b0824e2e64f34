// Expected all-in cost per unit of every level: price, fee, likely miss, impact, and what else the
// policy weighs.
//
// Within a venue it never falls with size: levels get dearer, a fee's rate is below 1, and the
// chance that the last unit is missing grows. A level is cut where that chance changes, so every
// piece has one cost and taking the cheapest pieces first is optimal.
#pragma once

#include <cstdint>

#include "candidates.hpp"

namespace venuefold {

struct Shard;

// What a decision charges besides price and fee; `price_nanos` is what fractions are of.
struct Charges {
  std::int64_t price_nanos = 0;
  std::int64_t penalty_nanos = 0;
  std::int64_t remainder_e9 = 0;
  // Cost of the last one wanted where all is displayed, known where it is needed.
  std::int64_t last_nanos = 0;
  std::int64_t lot_units = 1;
  std::int64_t sign = 1;
  bool fee_aware = true;
};

// A piece of a level at one expected cost, each per whole one: `pay` is price and fee, `added` what
// is charged besides, `cost` what ranks it.
struct Piece {
  std::int64_t units;
  std::int64_t pay_nanos;
  std::int64_t added_nanos;
  std::int64_t cost_nanos;
  std::uint8_t level;
};

// What missing one whole one at a candidate costs.
inline std::int64_t penalty_of(const Charges& charges, const Candidate& candidate) {
  return charges.penalty_nanos + candidate.missed_nanos;
}

// Cost of the first unit at the touch, where there is one.
inline std::int64_t first_cost_nanos(const Charges& charges, const Candidate& candidate) {
  const auto miss =
      static_cast<std::int64_t>(int128{penalty_of(charges, candidate)} * candidate.misses[0] >> 16);
  const std::int64_t fee = charges.fee_aware ? candidate.touch_fee_nanos : 0;
  return charges.sign * candidate.value + fee + miss + candidate.impact_nanos +
         candidate.balance_nanos;
}

// Walks the pieces of a candidate from the best on, none beyond a cap.
class Pieces {
 public:
  // Holds nothing: many are made of which few are ever filled.
  Pieces() = default;
  Pieces(const Charges& charges, const Candidate& candidate, std::int64_t cap_nanos)
      : charges_(&charges),
        candidate_(&candidate),
        bound_(cap_nanos != 0 ? charges.sign * cap_nanos : kInt64Max),
        other_(candidate.impact_nanos + candidate.balance_nanos),
        penalty_(penalty_of(charges, candidate)),
        left_(0),
        place_(0),
        is_flat_(penalty_ == 0 || candidate.misses[0] == candidate.misses.back()),
        level_(0),
        bucket_(0) {}

  // False after the last piece.
  bool next(Piece& piece) {
    while (left_ == 0) {
      if (level_ == candidate_->levels_count) return false;
      const Offer& offer = candidate_->levels[level_];
      const std::int64_t signed_nanos = charges_->sign * offer.price_nanos;
      if (signed_nanos > bound_) return false;
      left_ = offer.available_units;
      const std::int64_t fee = candidate_->fee_nanos(offer.price_nanos);
      pay_ = signed_nanos + fee;
      rank_ = charges_->fee_aware ? pay_ : signed_nanos;
      ++level_;
    }
    cut(piece);
    return true;
  }

 private:
  const Charges* charges_;
  const Candidate* candidate_;
  std::int64_t bound_;
  std::int64_t other_;
  std::int64_t penalty_;
  std::int64_t left_;
  std::int64_t place_;
  std::int64_t pay_;
  std::int64_t rank_;
  bool is_flat_;
  std::uint8_t level_;
  std::uint8_t bucket_;

  void cut(Piece& piece) {
    const std::int64_t units = is_flat_ ? left_ : until_dearer();
    const auto miss = static_cast<std::int64_t>(
        int128{penalty_} * candidate_->misses[bucket_] >> 16);
    piece.units = units;
    piece.pay_nanos = pay_;
    piece.added_nanos = miss + other_;
    piece.cost_nanos = rank_ + miss + other_;
    piece.level = static_cast<std::uint8_t>(level_ - 1);
    left_ -= units;
    place_ += units;
  }
  // Units from here on that are as likely to be missing as the first of them.
  std::int64_t until_dearer() {
    const Misses& misses = candidate_->misses;
    while (bucket_ < kSurvivalSizes - 1 && place_ >= charges_->lot_units << bucket_) ++bucket_;
    std::uint8_t last = bucket_;
    while (last < kSurvivalSizes - 1 && misses[last + 1u] == misses[bucket_]) ++last;
    if (last == kSurvivalSizes - 1) return left_;
    return std::min(left_, (charges_->lot_units << last) - place_);
  }
};

// A charge in nanos, between 0 and the largest price.
std::int64_t bounded_nanos(double nanos);
// Prices the eligible candidates; `far_nanos` is the best displayed far touch.
Charges charge(Shard& shard, const Order& order, const Policy& policy, Candidates& candidates,
               std::int64_t wanted, std::int64_t far_nanos);

}  // namespace venuefold

// Offers of several venues in the order in which they should be taken.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "allocation.hpp"

namespace venuefold {

// One piece in its place.
struct Place {
  std::uint8_t candidate;
  std::int64_t units;
};

// By expected cost per unit; where a policy has no order of venues of its own, that is all.
struct ByCost {
  using Key = std::int64_t;

  static constexpr Key worst() { return kInt64Max; }
  Key key(std::size_t, std::int64_t cost_nanos) const { return cost_nanos; }
};

struct PolicyKey {
  std::int64_t primary;
  std::int64_t cost;

  bool operator==(const PolicyKey&) const = default;
  bool operator<(const PolicyKey& other) const {
    return primary < other.primary || (primary == other.primary && cost < other.cost);
  }
};

// By the policy's own order of venues among what costs at most `bound`, then by cost.
struct ByPolicy {
  using Key = PolicyKey;
  std::int64_t bound;
  std::array<std::int64_t, kMaxVenues> primaries;
  // Tickets, each per whole one.
  std::array<std::int64_t, kMaxVenues> shares;

  static constexpr Key worst() { return {kInt64Max, kInt64Max}; }
  Key key(std::size_t i, std::int64_t cost_nanos) const {
    const std::int64_t cost = cost_nanos + shares[i];
    return {cost <= bound ? primaries[i] : kInt64Max, cost};
  }
};

// Pieces of the chosen candidates in the order of (key, venue rank, piece), merged only as far as
// somebody reads. A candidate's own pieces are in order already, and it is cut into pieces only
// once its first one is taken.
template <class Ranking>
class Merged {
 public:
  Merged(const Task& task, Mask chosen, const Ranking& ranking) : task_(task), ranking_(ranking) {
    for_each_bit(chosen, [&](std::size_t i) {
      const Candidate& candidate = task.candidates[i];
      candidates_[heads_count_] = static_cast<std::uint8_t>(i);
      // What is all there at the touch costs what its first unit does.
      if (task.cap_nanos == 0 && candidate.levels[0].available_units > 0) [[likely]] {
        keys_[heads_count_] = ranking.key(i, first_cost_nanos(task.charges, candidate));
      } else {
        open(heads_count_);
      }
      ++heads_count_;
    });
    plant();
  }

  // The n-th place, or null after the last.
  const Place* at(std::size_t n) {
    while (n >= places_count_) {
      if (!take()) return nullptr;
    }
    return &places_[n];
  }

 private:
  using Key = typename Ranking::Key;
  static constexpr std::size_t kMostPieces = kMaxLevels + kSurvivalSizes;

  const Task& task_;
  const Ranking& ranking_;
  std::size_t heads_count_ = 0;
  std::size_t places_count_ = 0;
  // Heads that were cut into pieces.
  Mask opened_ = 0;
  // A tree of winners (Knuth, 5.4.1): its leaves are the heads, its root, 1, is who comes next.
  std::size_t leaves_ = 2;
  std::array<std::uint8_t, 2 * kMaxVenues> winners_;
  std::array<Key, kMaxVenues> keys_;
  std::array<std::uint8_t, kMaxVenues> candidates_;
  std::array<std::int64_t, kMaxVenues> units_;
  std::array<Pieces, kMaxVenues> heads_;
  std::array<Place, kMaxVenues * kMostPieces> places_;

  void open(std::size_t h) {
    opened_ |= bit(h);
    heads_[h] = task_.pieces(candidates_[h]);
    settle(h);
  }
  void settle(std::size_t h) {
    Piece piece;
    if (heads_[h].next(piece)) {
      keys_[h] = ranking_.key(candidates_[h], piece.cost_nanos);
      units_[h] = piece.units;
    } else {
      keys_[h] = Ranking::worst();
    }
  }

  void plant() {
    leaves_ = std::bit_ceil(std::max(heads_count_, std::size_t{2}));
    for (std::size_t h = heads_count_; h < leaves_; ++h) keys_[h] = Ranking::worst();
    for (std::size_t h = 0; h < leaves_; ++h) winners_[leaves_ + h] = static_cast<std::uint8_t>(h);
    for (std::size_t node = leaves_ - 1; node > 0; --node) {
      const std::size_t left = winners_[2 * node];
      const std::size_t right = winners_[2 * node + 1];
      // Nobody can foretell who wins: a sum costs less than a branch that is taken wrongly.
      const std::size_t ahead = right - left;
      winners_[node] =
          static_cast<std::uint8_t>(left + ahead * std::size_t{keys_[right] < keys_[left]});
    }
  }
  // Plays a head's way up again. Heads stand in rank order, so the lower of equals comes first.
  void replay(std::size_t h) {
    Key key = keys_[h];
    for (std::size_t node = leaves_ + h; node > 1; node /= 2) {
      const std::size_t rival = winners_[node ^ 1];
      const Key other = keys_[rival];
      const bool loses = (other < key) | ((other == key) & (rival < h));
      h = loses ? rival : h;
      key = loses ? other : key;
      winners_[node / 2] = static_cast<std::uint8_t>(h);
    }
  }

  bool take() {
    const std::size_t h = winners_[1];
    if (keys_[h] == Ranking::worst()) return false;
    if ((opened_ & bit(h)) == 0) open(h);
    places_[places_count_++] = {candidates_[h], units_[h]};
    settle(h);
    replay(h);
    return true;
  }
};

// Greedy on the key order from `sizes` on, among the candidates of the mask, in whole lots.
template <class Places>
void take(const Task& task, Places& places, Mask chosen, Sizes& sizes) {
  std::array<std::int64_t, kMaxVenues> seen;
  Mask started = 0;
  std::int64_t left = task.wanted - sizes.total();
  std::int64_t dark = task.dark_units - sizes.total(task.darks);
  auto children = static_cast<unsigned>(std::popcount(sizes.used));
  const Place* place = nullptr;
  for (std::size_t n = 0; left > 0 && (place = places.at(n)) != nullptr; ++n) {
    const std::size_t i = place->candidate;
    if ((chosen & bit(i)) == 0) continue;
    seen[i] = place->units + ((started & bit(i)) != 0 ? seen[i] : 0);
    started |= bit(i);
    const std::int64_t before = sizes.of(i);
    if (before == 0 && children >= task.policy.max_children) continue;
    const bool is_dark = (task.darks & bit(i)) != 0;
    const std::int64_t room = is_dark ? std::min(left, dark) : left;
    const std::int64_t target = std::min(seen[i], before + room);
    const std::int64_t more = whole_lots(target, task.candidates[i].terms->lot_units) - before;
    if (more <= 0) continue;
    children += before == 0;
    sizes.set(i, before + more);
    left -= more;
    if (is_dark) dark -= more;
  }
}

// Greedy, again without the first venue (by rank) that ends below its minimum. Whether any did.
template <class Ranking>
bool with_minimums(const Task& task, Merged<Ranking>& places, Mask chosen, Sizes& sizes) {
  bool dropped = false;
  for (;;) {
    sizes.used = 0;
    take(task, places, chosen, sizes);
    Mask low = 0;
    for_each_bit(sizes.used, [&](std::size_t i) {
      const Candidate& candidate = task.candidates[i];
      const std::int64_t least = std::max(candidate.terms->min_units, candidate.least_units);
      low |= Mask{sizes.units[i] < least} << i;
    });
    if (low == 0) return dropped;
    chosen &= ~(low & -low);
    dropped = true;
  }
}

}  // namespace venuefold

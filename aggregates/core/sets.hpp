// Sets of venues that the search compares, and whether there is anything to search for.
#pragma once

#include <cstdint>

#include "allocation.hpp"

namespace venuefold {

// Units not placed and cost: less is better.
struct Worth {
  std::int64_t missing;
  int128 cost;

  bool operator<(const Worth& other) const {
    return missing < other.missing || (missing == other.missing && cost < other.cost);
  }
};

// A set of venues with its best sizes.
struct Found {
  bool is_possible = false;
  Worth worth = {0, 0};
  Sizes sizes;
};

// What about the eligible venues greedy cannot see.
struct Fixed {
  bool has_tickets = false;
  bool has_unequal_lots = false;
};

inline Fixed fixed_of(const Task& task) {
  if (!task.candidates.has_tickets && !task.candidates.has_unequal_lots) return {};
  std::int64_t tickets = 0;
  std::int64_t first_lot = 0;
  Fixed found;
  for_each_bit(task.candidates.eligible, [&](std::size_t i) {
    const Candidate& candidate = task.candidates[i];
    const std::int64_t lot = candidate.terms->lot_units;
    tickets |= candidate.ticket_nanos | std::int64_t{candidate.bounds != nullptr};
    first_lot = first_lot != 0 ? first_lot : lot;
    found.has_unequal_lots |= lot != first_lot;
  });
  found.has_tickets = tickets != 0;
  return found;
}

}  // namespace venuefold

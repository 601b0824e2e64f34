// Fires what is due before an input is folded, in (due_ns, kind, id) order.
#pragma once

#include "shard.hpp"

namespace venuefold {

// Puts the recurring timers on their grids after the settings changed.
void start_grids(Shard& shard);
// Fires everything due through `until_ns`, each timer at its own time.
void fire_timers(Shard& shard, std::int64_t until_ns);

inline bool is_due(const Shard& shard, std::int64_t until_ns) {
  return std::min(shard.grids.first_due_ns(), shard.timers.first_due_ns()) <= until_ns;
}

}  // namespace venuefold

// Books what venues say about children: facts first, then what follows from them.
#pragma once

#include "shard.hpp"

namespace venuefold::reports {

// Applies one execution report to its child, its parent and the venue's quality.
Refused apply(Shard& shard, const ExecReport& report);
// A child without a final answer in time is of unknown outcome; its quantity stays reserved.
void time_out(Shard& shard, std::uint64_t child_id);

}  // namespace venuefold::reports

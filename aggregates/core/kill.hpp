// Kill switches by scope, and the throttle that a named person re-arms.
#pragma once

#include "shard.hpp"

namespace venuefold::kill {

// Engages or releases a kill switch; engaging cancels what is open in its scope.
Refused apply_kill(Shard& shard, const Kill& record);
// A named person lets an account trade again after its throttle has tripped.
Refused rearm(Shard& shard, const Rearm& record);

}  // namespace venuefold::kill

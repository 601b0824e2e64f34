// Publishes the quality table on a cadence: every row that changed, with its read-outs.
#pragma once

#include "shard.hpp"

namespace venuefold {

// First instant of the cadence's absolute grid after `now_ns`; never for cadence 0.
inline std::int64_t next_publish_ns(std::int64_t cadence_ns, std::int64_t now_ns) {
  return cadence_ns != 0 ? (now_ns / cadence_ns + 1) * cadence_ns : kInt64Max;
}

// Emits changed rows in dense order; instants missed in a quiet time are not repeated.
void publish(Shard& shard, std::int64_t until_ns);

}  // namespace venuefold

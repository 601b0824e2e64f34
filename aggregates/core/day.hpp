// The day's end, and the drop copy: what another's books say beside ours.
//
// From the first DROP_COPY on, each of our trades waits for its copy and each copy for our trade;
// what agrees is forgotten, what differs is a break at once, what is still alone at a day's end is
// one then.
#pragma once

#include "shard.hpp"

namespace venuefold::day {

constexpr std::size_t kMaxCopies = 65'536;

// A trade as we have booked it, or as it was changed; size 0 takes it back.
void ours(Shard& shard, const Child& child, std::uint64_t trade_id, std::int64_t units,
          std::int64_t nanos);
// A trade as the broker's second report has it.
Refused drop_copy(Shard& shard, const ExecReport& report);
// Expires what is for the day, tells breaks, and rolls positions.
Refused end_of_day(Shard& shard, const EndOfDay& record);

}  // namespace venuefold::day

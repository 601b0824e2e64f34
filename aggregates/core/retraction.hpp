// Takes back what a trade taught that was canceled, or teaches it anew where it was corrected.
//
// An observation is taken out of decayed sums with what it is worth by now, as if it had never been
// made; a corrected one is put in its place, at its own time. What a trade was worth at the time
// stays: how soon it came, the mid moves that followed it, the lag-1 jumps of its measures.
#pragma once

#include "state.hpp"

namespace venuefold {

struct Child;
struct Shard;

namespace retraction {

// Call it before the change is booked; `changed` has size 0 where the trade is canceled.
void observe_change(Shard& shard, Child& child, const state::Trade& old,
                    const state::Trade& changed);

}  // namespace retraction
}  // namespace venuefold

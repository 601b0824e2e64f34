// What greedy alone cannot see: lots, minimum sizes, a cost per child, a bound on their number.
//
// A set of venues is valued by giving each its least size and the rest by greedy. From the better
// start the set is improved by adding, dropping and swapping a venue, the best move first, until
// none helps, and by one venue for two, two for one and two for two after that. Sets that cannot
// cost less (reduced.hpp) are not tried. Unequal lots are exchanged then: a coarse lot more here,
// what that takes from another venue, and greedy for the rest. A venue whose fee has a minimum or
// maximum is in a set with one of its cost curves (ladders.hpp). Placing more comes before paying
// less. All ties go to the first in rank order.
#pragma once

#include "merge.hpp"

namespace venuefold {

// Best sizes over all venues, by cost.
void split(const Task& task, Merged<ByCost>& places, Plan& plan);

}  // namespace venuefold

// Folds market records: quotes and depth, prints, trading states.
#pragma once

#include "shard.hpp"

namespace venuefold::feed {

// One book level of a venue; level 0 moves the displayed best and its time shares.
Refused quote(Shard& shard, const Quote& record);
// A print at a venue.
Refused trade(Shard& shard, const Trade& record);
// Trading state of a venue or of one instrument there; leaving OPEN empties the books.
Refused status(Shard& shard, const Status& record);
// A whole venue's trading state: its books, its clocks and its health follow.
void set_venue_status(Shard& shard, std::uint8_t venue, std::uint8_t code);

}  // namespace venuefold::feed

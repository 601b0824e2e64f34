// Folds reference inputs: each carries the full new value of what it names.
#pragma once

#include "shard.hpp"

namespace venuefold::broadcast {

// Defines the next dense id, or changes a defined one.
Refused instrument(Shard& shard, const Instrument& record);
Refused venue(Shard& shard, const Venue& record);
// An instrument trades at a venue.
Refused listing(Shard& shard, const Listing& record);
// What one liquidity code costs for an instrument at a venue.
Refused fee(Shard& shard, const Fee& record);
// One line of a fee schedule.
Refused fee_tier(Shard& shard, const FeeTier& record);
// What chooses a billing account's volume tier.
Refused billing(Shard& shard, const Billing& record);
// A new version of a routing policy.
Refused policy(Shard& shard, const Policy& record);
// Pre-trade limits of an instrument.
Refused limits(Shard& shard, const Limits& record);
// Limits of an account.
Refused account(Shard& shard, const AccountLimits& record);
// How the remainders of a policy rest.
Refused posting(Shard& shard, const Posting& record);
// Half-lives, publication cadence, windows.
Refused settings(Shard& shard, const Settings& record);
// From here on the shard belongs to the engine generation named.
// What all shards have learned of a venue, in place of the prior of its kind.
Refused venue_prior(Shard& shard, const VenuePriorUpdated& record);
Refused engine(Shard& shard, const EngineActivated& record);

}  // namespace venuefold::broadcast

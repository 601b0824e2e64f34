// What the answers to our children teach: latency, costs, fade, rejects, fees, markouts, health.
#pragma once

namespace venuefold {

struct Child;
struct ExecReport;
struct Shard;

namespace learning {

// The first word of a venue about a child, whatever it says, is its acknowledgement.
void observe_answer(Shard& shard, Child& child);
// A fill, before it is booked: its latency, its costs, its fee, and what follows it.
void observe_trade(Shard& shard, const Child& child, const ExecReport& report);
// A child that ended tells how much of what it asked for was really there.
void observe_end(Shard& shard, const Child& child);
// A child that was not answered in time.
void observe_timeout(Shard& shard, const Child& child, bool cancels);
// A cancel that was answered, whatever was said.
void observe_cancel_answer(Shard& shard, const Child& child);

}  // namespace learning
}  // namespace venuefold

// What the answers to our children teach: latency, costs, fade, rejects, fees, markouts, health.
#pragma once

#include <cstdint>

namespace venuefold {

struct Child;
struct ExecReport;
struct FeeTier;
struct Shard;

namespace learning {

// Twice what a fill paid against the mid at send; what it gained against the protected far touch
// then; price and fee against the parent's arrival mid.
double effective_bps(const Child& child, std::int64_t price);
double improvement_bps(const Child& child, std::int64_t price);
double all_in_bps(const Child& child, std::int64_t units, std::int64_t price,
                  std::int64_t fee_nanos, std::int64_t units_per_one);
// What the account pays for a liquidity code: its schedule, or the row's FEE, written to `plain`.
const FeeTier* fee_line(const Shard& shard, const Child& child, std::uint8_t code, FeeTier& plain);

// The first word of a venue about a child, whatever it says, is its acknowledgement.
void observe_answer(Shard& shard, Child& child);
// A fill, before it is booked: its latency, its costs, its fee, and what follows it.
void observe_trade(Shard& shard, const Child& child, const ExecReport& report);
// A child that ended tells how much of what it asked for was really there.
void observe_end(Shard& shard, Child& child);
// A child that was not answered in time.
void observe_timeout(Shard& shard, const Child& child, bool cancels);
// A cancel that was answered, whatever was said.
void observe_cancel_answer(Shard& shard, const Child& child);

}  // namespace learning
}  // namespace venuefold

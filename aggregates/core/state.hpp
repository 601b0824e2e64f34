// Canonical encoding of a shard's state: the same bytes from both cores, and a way back.
//
// The layouts mirror aggregates/state.py, where the order of the sections is written down.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "schemas/core/layout.hpp"

namespace venuefold {

struct Shard;

// Bytes that are no state of this engine; the message says what to do.
struct StateError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

std::vector<std::uint8_t> encode_state(const Shard& shard);
// The shard whose encoding is `data`; StateError when it is not one.
std::unique_ptr<Shard> decode_state(const std::uint8_t* data, std::size_t size,
                                    const std::string& generation);

namespace state {

struct Head {
  char magic[8];
  std::uint32_t version;
  std::uint32_t shard;
  std::uint64_t seq;
  std::int64_t log_ns;
  std::uint64_t out_seq;
  std::uint64_t reference_version;
  std::uint64_t reference_seen;
  std::uint64_t quality_seq;
  std::uint64_t next_child_id;
  std::uint64_t next_markout_id;
  std::int64_t grid_due_ns[4];
  std::int64_t oldest_ns;
  char activated[32];
  std::uint64_t kill_all;
  std::uint32_t venues;
  std::uint32_t instruments;
  std::uint32_t policies;
  std::uint32_t identities;
  std::uint32_t orders;
  std::uint32_t timers;
  std::uint32_t markouts;
  std::uint32_t hazards;
  std::uint32_t killed_clients;
  std::uint32_t killed_accounts;
  std::uint32_t killed_traders;
  std::uint32_t suspended_accounts;
  std::uint32_t postings;
  std::uint32_t accounts;
  std::uint32_t positions;
  std::uint32_t recent;
  std::uint32_t copies;
  std::uint32_t openings;
  std::uint64_t compares_copies;
};
static_assert(sizeof(Head) == 240);

struct VenueTail {
  std::uint8_t status;
  std::uint8_t killed;
  std::uint8_t self_help;
  char reserved[5];
  std::int64_t wide_fill_e9;
  std::int64_t wide_ack_ns;
};
static_assert(sizeof(VenueTail) == 24);

struct BookTail {
  std::uint8_t has_limits;
  std::uint8_t killed;
  char reserved[6];
  std::int64_t mid_x2;
  std::int64_t mid_ns;
  std::int64_t fill_ns;
};
static_assert(sizeof(BookTail) == 32);

struct Markout {
  std::uint64_t markout_id;
  std::int64_t price_nanos;
  std::int64_t mid_x2;
  std::int64_t start_ns;
  std::uint32_t instrument;
  std::uint8_t venue;
  std::uint8_t kind;
  std::int8_t sign;
  char reserved[1];
};
static_assert(sizeof(Markout) == 40);

struct Identity {
  char account[16];
  char cl_ord_id[32];
  std::uint32_t instrument;
  std::uint32_t reserved;
  std::uint64_t digest;
  std::int64_t transact_ns;
  std::uint64_t order_id;
  std::uint64_t decision_id;
};
static_assert(sizeof(Identity) == 88);

struct Order {
  NewOrder record;
  std::uint64_t order_id;
  std::uint64_t decision_id;
  std::int64_t limit_nanos;
  std::int64_t arrival_bid_nanos;
  std::int64_t arrival_ask_nanos;
  std::int64_t cum_units;
  std::uint64_t notional_lo;
  std::int64_t notional_hi;
  std::uint64_t fee_lo;
  std::int64_t fee_hi;
  std::int64_t retry_due_ns;
  std::uint32_t policy;
  std::uint32_t attempts;
  std::uint32_t children;
  std::uint8_t state;
  std::uint8_t end_reason;
  std::uint8_t amends;
  char reserved[1];
  std::uint32_t posts;
  std::uint32_t reserved2;
  std::int64_t expire_due_ns;
  std::uint64_t visited[kMaxVenues];
};
static_assert(sizeof(Order) == 952);

struct Child {
  std::uint64_t child_id;
  std::uint64_t decision_id;
  std::int64_t units;
  std::int64_t limit_nanos;
  std::int64_t displayed_units;
  std::int64_t sent_ns;
  std::int64_t mid_x2;
  std::int64_t far_nanos;
  std::int64_t cum_units;
  std::int64_t busted_units;
  std::int64_t pending_units;
  std::int64_t pending_nanos;
  std::int64_t due_ns;
  std::int64_t min_units;
  std::uint32_t trades;
  std::uint32_t reports;
  std::uint8_t venue;
  std::uint8_t state;
  std::uint8_t time_in_force;
  std::uint8_t acked;
  std::uint8_t exec_inst;
  std::uint8_t queries;
  std::uint8_t reason;
  std::uint8_t queue;
  std::int64_t rest_ns;
  std::int64_t age_ns;
  std::int64_t ended_ns;
  std::int64_t ended_venue_ns;
  std::int64_t ended_units;
  std::uint8_t rested;
  char reserved[7];
};
static_assert(sizeof(Child) == 176);

// A fill as booked; a busted one keeps its id with size 0. `changed`: by a later report.
struct Trade {
  std::uint64_t trade_id;
  std::int64_t units;
  std::int64_t nanos;
  std::int64_t fee_nanos;
  std::uint8_t changed;
  // What it taught, so that it can be taken back: its liquidity, the hazard cell of one at rest,
  // and the session times of row and venue.
  std::uint8_t liquidity;
  std::uint8_t cell;
  char reserved[5];
  std::int64_t row_ns;
  std::int64_t venue_ns;
};
static_assert(sizeof(Trade) == 56);

struct AccountTail {
  std::uint64_t throttled;
  std::uint32_t messages;
  std::uint32_t sends;
  std::int64_t budget_ones;
  std::int64_t told_ones;
  std::int64_t wanted_ones;
  std::uint64_t budget_seq;
};
static_assert(sizeof(AccountTail) == 48);

struct Position {
  char account[16];
  std::uint64_t instrument;
  std::int64_t net_units;
  std::int64_t bought_units;
  std::int64_t sold_units;
  std::uint64_t notional_lo;
  std::int64_t notional_hi;
  std::uint64_t fee_lo;
  std::int64_t fee_hi;
  std::uint32_t keeps;
  std::uint32_t holdings;
};
static_assert(sizeof(Position) == 88);

struct Holding {
  std::uint64_t venue;
  std::int64_t units;
};
static_assert(sizeof(Holding) == 16);

struct Recent {
  std::uint64_t digest;
  std::int64_t sent_ns;
};
static_assert(sizeof(Recent) == 16);

struct Copy {
  std::uint64_t child_id;
  std::uint64_t trade_id;
  std::uint64_t order_id;
  std::int64_t units;
  std::int64_t nanos;
  std::uint32_t instrument;
  std::uint8_t venue;
  std::uint8_t is_ours;
  char reserved[2];
};
static_assert(sizeof(Copy) == 48);

struct Timer {
  std::int64_t due_ns;
  std::uint64_t kind;
  std::uint64_t subject;
};
static_assert(sizeof(Timer) == 24);

}  // namespace state
}  // namespace venuefold

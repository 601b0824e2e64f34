// Everything a shard's engine remembers, and the one way its outputs are written.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <set>
#include <string>

#include "accounts.hpp"
#include "allocation.hpp"
#include "book.hpp"
#include "candidates.hpp"
#include "child.hpp"
#include "hazards.hpp"
#include "health.hpp"
#include "identity.hpp"
#include "markouts.hpp"
#include "openings.hpp"
#include "order.hpp"
#include "outputs.hpp"
#include "pool.hpp"
#include "schemas/core/codes.hpp"
#include "schemas/core/decisions.hpp"
#include "tables.hpp"
#include "timers.hpp"

namespace venuefold {

constexpr std::uint8_t kOutputVersion = 1;
constexpr std::size_t kCounters = 128;
constexpr std::size_t kSources = 256;
constexpr std::size_t kMaxOpenOrders = 8192;
constexpr std::size_t kMaxOrders = 65'536;
// Clients, accounts or traders under a kill switch.
constexpr std::size_t kMaxKilled = 4096;
// By reason and side.
constexpr std::size_t kMarkoutDrops = 2 * (number(MarkoutDrop::OWN_ORDER) + 1);

// Why an input was not applied: deciding value, and the first order's id for a repeat.
struct Refused {
  Reason reason = Reason::NONE;
  std::int64_t value = 0;
  std::uint64_t order_id = 0;

  explicit operator bool() const { return reason != Reason::NONE; }
};
constexpr Refused kAccepted{};

// Digests of terms accepted within a window, by age and by digest.
struct Recent {
  std::deque<std::uint64_t> by_age;
  std::map<std::uint64_t, std::int64_t> times;

  void add(std::uint64_t digest, std::int64_t now_ns) {
    by_age.push_back(digest);
    times[digest] = now_ns;
  }
  // Drops from the oldest end what is no younger than `oldest_ns`, and what would be too many.
  void forget(std::int64_t oldest_ns, std::size_t most) {
    while (!by_age.empty()) {
      const auto first = times.find(by_age.front());
      if (first->second > oldest_ns && by_age.size() < most) return;
      times.erase(first);
      by_age.pop_front();
    }
  }
};

// (child id, trade id).
using CopyKey = std::pair<std::uint64_t, std::uint64_t>;

// A trade that one side, we or the drop copy, has told.
struct Copy {
  std::uint64_t order_id;
  std::int64_t units;
  std::int64_t nanos;
  std::uint32_t instrument;
  std::uint8_t venue;
  bool is_ours;
};

struct Source {
  std::uint64_t last;
  std::uint64_t gaps;
};

// Scratch space of one decision, kept so that none is allocated.
struct Desk {
  Candidates candidates;
  Plan plan;
  // Off only in a benchmark that asks what writing records costs.
  bool writes_records = true;
};

// How often a decision looked at a row's beliefs, and how often they had to be found anew.
struct BeliefLooks {
  std::uint64_t all = 0;
  std::uint64_t sizes_found = 0;
  std::uint64_t acks_found = 0;
};

struct Shard {
  Shard(std::uint16_t shard_id, std::string generation_hash)
      : id(shard_id), generation(std::move(generation_hash)) {}

  std::uint16_t id;
  std::string generation;
  std::uint64_t seq = 0;
  std::int64_t log_ns = 0;
  std::uint64_t out_seq = 0;
  std::uint64_t reference_version = 0;
  std::uint64_t reference_seen = 0;
  std::uint64_t quality_seq = 0;
  std::uint64_t next_child_id = 1;
  std::uint64_t next_markout_id = 1;
  GridTimers grids;
  // Transact times before it are too old.
  std::int64_t oldest_ns = 0;
  char activated[32] = {};
  bool kill_all = false;
  std::set<Target> killed_clients;
  std::set<Target> killed_accounts;
  std::set<Target> killed_traders;
  std::set<Target> suspended_accounts;
  Accounts accounts;
  Recent recent;
  std::map<CopyKey, Copy> copies;
  bool compares_copies = false;
  // Children said to be sent since the start; no part of the state.
  std::uint64_t sent = 0;
  // No part of the state either.
  BeliefLooks looks;
  std::array<Source, kSources> sources{};
  std::array<std::uint64_t, kCounters> counters{};
  std::array<std::uint64_t, kMarkoutDrops> markout_drops{};
  Tables tables;
  VenueQualities venues;
  Pace liquidity{tables.grids().liquidity};
  Pace speed{tables.grids().speed};
  Books books;
  Identities identities;
  Registry<Order> orders;
  Registry<Child> children;
  Registry<Markout> markouts;
  Hazards hazards;
  Openings openings;
  Timers timers;
  std::size_t open_orders = 0;
  Outputs outputs;
  Desk desk;

  // Whether this engine generation may trade on this shard.
  bool is_active() const {
    return generation.size() == sizeof activated &&
           std::memcmp(activated, generation.data(), sizeof activated) == 0;
  }
  // Whether children may leave: the right engine, and no reference input missing.
  bool may_trade() const { return is_active() && reference_seen == reference_version; }

  // Readies memory for parents and children to come; a step that begins with one is too late.
  void make_room() {
    identities.make_room();
    orders.make_room();
    children.make_room();
    markouts.make_room();
  }

  Now now() { return {log_ns, liquidity, tables.settings().mid_crossed_e9}; }

  // Takes up the grids of the settings in force, and what is kept as steps on them.
  void follow_grids() {
    liquidity = Pace(tables.grids().liquidity);
    speed = Pace(tables.grids().speed);
    books.find_steps(tables.grids());
    for (VenueQuality& venue : venues.list) {
      venue.gap_step = tables.grids().speed.step(venue.gap.then_ns);
    }
  }

  // Fills in the header of a record of `size` bytes; returns its out_seq.
  std::uint64_t stamp(out::OutHeader& header, OutputType type, std::uint32_t instrument,
                      std::size_t size) {
    header.size = static_cast<std::uint32_t>(size);
    header.type = number(type);
    header.version = kOutputVersion;
    header.shard = id;
    header.instrument = instrument;
    header.header_reserved = 0;
    header.out_seq = ++out_seq;
    header.seq = seq;
    header.log_ns = log_ns;
    return out_seq;
  }

  // Writes one output record; returns its out_seq.
  template <class Record>
  std::uint64_t emit(OutputType type, std::uint32_t instrument, Record& record) {
    stamp(record, type, instrument, sizeof record);
    std::memcpy(outputs.reserve(sizeof record), &record, sizeof record);
    outputs.commit(sizeof record);
    return out_seq;
  }

  // Says that a person must look.
  void alarm(AlarmKind kind, std::int64_t value, std::uint32_t instrument = kInstrumentNone,
             std::uint8_t venue = kVenueNone, std::uint64_t child_id = 0,
             std::uint64_t order_id = 0, std::uint8_t source = 0) {
    out::Alarm record{};
    record.child_id = child_id;
    record.order_id = order_id;
    record.value = value;
    record.kind = number(kind);
    record.venue = venue;
    record.source = source;
    emit(OutputType::ALARM, instrument, record);
  }

  // Adds a timer; a stale one is ignored by whoever it was for.
  void schedule(std::int64_t due_ns, TimerKind kind, std::uint64_t subject) {
    timers.push({due_ns, number(kind), subject});
  }
};

// The header's venue and instrument must be defined.
inline Refused check_place(const Shard& shard, const Header& header) {
  if (header.venue >= shard.tables.venues()) return {Reason::UNKNOWN_VENUE, header.venue};
  if (header.instrument >= shard.books.size()) {
    return {Reason::UNKNOWN_INSTRUMENT, header.instrument};
  }
  return kAccepted;
}

}  // namespace venuefold

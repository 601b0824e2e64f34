// Everything a shard's engine remembers, and the one way its outputs are written.
#pragma once

#include <array>
#include <cstring>
#include <set>
#include <string>

#include "allocation.hpp"
#include "book.hpp"
#include "candidates.hpp"
#include "child.hpp"
#include "identity.hpp"
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

// Why an input was not applied: deciding value, and the first order's id for a repeat.
struct Refused {
  Reason reason = Reason::NONE;
  std::int64_t value = 0;
  std::uint64_t order_id = 0;

  explicit operator bool() const { return reason != Reason::NONE; }
};
constexpr Refused kAccepted{};

// A client or account under a kill switch, ordered by its bytes.
struct Target {
  std::array<char, 16> name;

  Target() = default;
  explicit Target(const char (&text)[16]) { std::memcpy(name.data(), text, sizeof text); }
  bool operator<(const Target& other) const {
    return std::memcmp(name.data(), other.name.data(), name.size()) < 0;
  }
};

struct Source {
  std::uint64_t last;
  std::uint64_t gaps;
};

// Scratch space of one decision, kept so that none is allocated.
struct Desk {
  Candidates candidates;
  Plan plan;
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
  std::int64_t publish_due_ns = kInt64Max;
  // Transact times before it are too old.
  std::int64_t oldest_ns = 0;
  char activated[32] = {};
  bool kill_all = false;
  std::set<Target> killed_clients;
  std::set<Target> killed_accounts;
  std::array<Source, kSources> sources{};
  std::array<std::uint64_t, kCounters> counters{};
  Tables tables;
  Books books;
  Identities identities;
  Registry<Order> orders;
  Registry<Child> children;
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
  }

  Now now() { return {log_ns, tables.liquidity.step(log_ns)}; }

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

  // Adds one output record, to be filled in where it stands before the next is added. Sizes are
  // multiples of 8, so every record is aligned.
  template <class Record>
  Record& emit(OutputType type, std::uint32_t instrument) {
    static_assert(sizeof(Record) % 8 == 0);
    auto* const record = new (outputs.reserve(sizeof(Record))) Record{};
    outputs.commit(sizeof(Record));
    stamp(*record, type, instrument, sizeof(Record));
    return *record;
  }

  // Says that a person must look.
  void alarm(AlarmKind kind, std::int64_t value, std::uint32_t instrument = kInstrumentNone,
             std::uint8_t venue = kVenueNone, std::uint64_t child_id = 0,
             std::uint64_t order_id = 0, std::uint8_t source = 0) {
    auto& record = emit<out::Alarm>(OutputType::ALARM, instrument);
    record.child_id = child_id;
    record.order_id = order_id;
    record.value = value;
    record.kind = number(kind);
    record.venue = venue;
    record.source = source;
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

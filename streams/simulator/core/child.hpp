// Child orders: the record that the engine emits, and what the venue remembers of it.
#pragma once

#include <cstdint>

#include "streams/simulator/core/book.hpp"
#include "streams/simulator/core/codes.hpp"

namespace venuefold {

// Mirror of schemas.decisions.CHILD; a test compares it.
struct ChildRecord {
  std::uint32_t size;
  std::uint8_t type;
  std::uint8_t version;
  std::uint16_t shard;
  std::uint32_t instrument;
  std::uint32_t header_reserved;
  std::uint64_t out_seq;
  std::uint64_t seq;
  std::int64_t log_ns;
  std::uint64_t child_id;
  std::uint64_t order_id;
  std::uint64_t decision_id;
  std::int64_t units;
  std::int64_t limit_nanos;
  std::int64_t min_units;
  std::int64_t send_delay_ns;
  std::int64_t expire_ns;
  std::uint8_t venue;
  std::uint8_t side;
  std::uint8_t ord_type;
  std::uint8_t time_in_force;
  std::uint8_t exec_inst;
  std::uint8_t capacity;
  char reserved[2];
  char cl_ord_id[32];
  char account[16];
};
static_assert(sizeof(ChildRecord) == 160);

enum class Stage : std::uint8_t { kInFlight = 1, kResting = 2, kDone = 3 };

constexpr std::int64_t kQueueUnknown = -1;

struct Child {
  std::uint64_t id = 0;
  std::uint64_t rest_order = 0;  // rank among resting children of one price
  std::int64_t units = 0;
  std::int64_t limit_nanos = 0;
  std::int64_t min_units = 0;
  std::int64_t cum_units = 0;
  std::int64_t queue_units = kQueueUnknown;
  std::int64_t out_ns = 0;
  std::uint32_t instrument = 0;
  std::uint8_t venue = 0;
  std::uint8_t side = 0;
  std::uint8_t ord_type = 0;
  std::uint8_t time_in_force = 0;
  std::uint8_t exec_inst = 0;
  Stage stage = Stage::kInFlight;

  std::int64_t leaves_units() const { return stage == Stage::kDone ? 0 : units - cum_units; }
  BookSide book_side() const { return side == kBuy ? kBid : kAsk; }
  bool is_post_only() const { return (exec_inst & kPostOnly) != 0; }
  bool can_rest() const { return time_in_force == kDay && ord_type == kLimit; }
  // Whether `nanos` on the other side of the book is at or within this child's limit.
  bool accepts(std::int64_t nanos) const {
    return ord_type == kMarket || !is_better(book_side(), nanos, limit_nanos);
  }
  // Whether `nanos` lies strictly through this child's price.
  bool is_through(std::int64_t nanos) const { return is_better(book_side(), limit_nanos, nanos); }
};

}  // namespace venuefold

// Records under way to the router, handed out in (log_ns, source, creation) order and numbered
// densely by source on the way out.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <vector>

#include "schemas/core/layout.hpp"
#include "streams/simulator/core/codes.hpp"
#include "streams/simulator/core/reports.hpp"

namespace venuefold::synthetic {

class Outbox {
 public:
  template <typename Record>
  void put(const Record& record) {
    static_assert(sizeof(Record) <= sizeof(Slot));
    std::uint32_t slot = 0;
    if (free_.empty()) {
      slot = static_cast<std::uint32_t>(slots_.size());
      slots_.emplace_back();
    } else {
      slot = free_.back();
      free_.pop_back();
    }
    std::memcpy(slots_[slot].data(), &record, sizeof(Record));
    heap_.push_back({record.log_ns, ++created_, record.source, slot});
    std::push_heap(heap_.begin(), heap_.end(), is_later);
  }

  std::int64_t next_ns() const { return heap_.empty() ? kNever : heap_.front().at_ns; }
  bool empty() const { return heap_.empty(); }

  // Appends the head record to `to`; its size in bytes.
  std::size_t pop(std::vector<std::byte>& to) {
    std::pop_heap(heap_.begin(), heap_.end(), is_later);
    const Due due = heap_.back();
    heap_.pop_back();
    std::byte* record = slots_[due.slot].data();
    const std::uint64_t seq = ++last_seq_[due.source];
    std::memcpy(record + offsetof(Header, source_seq), &seq, sizeof seq);
    const std::size_t size = kSlots[std::to_integer<std::size_t>(record[0])] * kSlot;
    to.insert(to.end(), record, record + size);
    free_.push_back(due.slot);
    return size;
  }

  template <typename Visit>
  void visit(Visit&& with) {
    with(slots_), with(free_), with(heap_), with(created_), with(last_seq_);
  }

 private:
  using Slot = std::array<std::byte, sizeof(NewOrder)>;
  struct Due {
    std::int64_t at_ns;
    std::uint64_t order;
    std::uint32_t source;
    std::uint32_t slot;
  };
  static bool is_later(const Due& left, const Due& right) {
    if (left.at_ns != right.at_ns) return left.at_ns > right.at_ns;
    if (left.source != right.source) return left.source > right.source;
    return left.order > right.order;
  }

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_;
  std::vector<Due> heap_;
  std::uint64_t created_ = 0;
  std::array<std::uint64_t, 256> last_seq_{};
};

}  // namespace venuefold::synthetic

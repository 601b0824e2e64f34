// Reports under way to us, handed out in (log_ns, creation) order and numbered on the way out.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "schemas/core/layout.hpp"

namespace venuefold {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

struct Scheduled {
  std::uint64_t order = 0;
  bool is_last = false;  // nothing follows for this child: it can be forgotten
  ExecReport record{};
};

class ReportQueue {
 public:
  void schedule(const ExecReport& record, bool is_last);
  bool is_due(std::int64_t until_ns) const {
    return !heap_.empty() && heap_.front().record.log_ns <= until_ns;
  }
  std::int64_t next_ns() const { return heap_.empty() ? kNever : heap_.front().record.log_ns; }
  Scheduled pop();

  std::vector<Scheduled> in_order() const;
  void restore(std::vector<Scheduled> in_order, std::uint64_t created, std::uint64_t popped);
  std::uint64_t created() const { return created_; }
  std::uint64_t popped() const { return popped_; }

 private:
  std::vector<Scheduled> heap_;
  std::uint64_t created_ = 0;
  std::uint64_t popped_ = 0;
};

}  // namespace venuefold

#include "streams/simulator/core/reports.hpp"

#include <algorithm>

namespace venuefold {
namespace {

bool is_later(const Scheduled& left, const Scheduled& right) {
  if (left.record.log_ns != right.record.log_ns) return left.record.log_ns > right.record.log_ns;
  return left.order > right.order;
}

}  // namespace

void ReportQueue::schedule(const ExecReport& record, bool is_last) {
  heap_.push_back({++created_, is_last, record});
  std::push_heap(heap_.begin(), heap_.end(), is_later);
}

Scheduled ReportQueue::pop() {
  std::pop_heap(heap_.begin(), heap_.end(), is_later);
  Scheduled next = heap_.back();
  heap_.pop_back();
  next.record.source_seq = ++popped_;
  next.record.report_id = popped_;
  return next;
}

std::vector<Scheduled> ReportQueue::in_order() const {
  std::vector<Scheduled> sorted = heap_;
  std::sort(sorted.begin(), sorted.end(),
            [](const Scheduled& left, const Scheduled& right) { return is_later(right, left); });
  return sorted;
}

void ReportQueue::restore(std::vector<Scheduled> in_order, std::uint64_t created,
                          std::uint64_t popped) {
  heap_ = std::move(in_order);
  std::make_heap(heap_.begin(), heap_.end(), is_later);
  created_ = created;
  popped_ = popped;
}

}  // namespace venuefold

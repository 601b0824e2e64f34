// Open loop: records become due on a fixed schedule, whether the engine keeps up or not, and an
// order's time runs from the moment it was due. So every wait counts.
#include <algorithm>
#include <atomic>
#include <thread>

#include "modes.hpp"

namespace venuefold::bench {
namespace {

constexpr std::uint8_t kNewOrder = 16;
constexpr std::size_t kSubBatch = 64;  // an order waits for so many ticks at most

struct Schedule {
  std::vector<std::size_t> ends;  // of each record, in bytes
  std::vector<std::size_t> orders;  // places of the orders among the records
  double gap_ns = 0;
  std::int64_t start_ns = 0;
  std::int64_t due_ns(std::size_t record) const {
    return start_ns + static_cast<std::int64_t>(static_cast<double>(record) * gap_ns);
  }
};

// Publishes how many records are due; notes how late it was for each order.
void generate(const Schedule& schedule, std::atomic<std::size_t>& due,
              std::vector<double>& lateness) {
  std::size_t order = 0;
  for (std::size_t record = 0; record < schedule.ends.size(); ++record) {
    const std::int64_t due_ns = schedule.due_ns(record);
    std::int64_t now = now_ns();
    while (now < due_ns) now = now_ns();
    due.store(record + 1, std::memory_order_release);
    if (order < schedule.orders.size() && schedule.orders[order] == record) {
      lateness[order++] = static_cast<double>(now - due_ns);
    }
  }
}

std::size_t first_after(const Schedule& schedule, std::size_t order, std::size_t most) {
  return order < schedule.orders.size() ? std::min(most, schedule.orders[order] + 1) : most;
}

}  // namespace

void response(Engine& engine, Script& script, double rate) {
  Schedule schedule;
  for (std::size_t at = 0; at < script.size();) {
    if (script.data()[at] == kNewOrder) schedule.orders.push_back(schedule.ends.size());
    at += record_bytes(script.data() + at);
    schedule.ends.push_back(at);
  }
  schedule.gap_ns = 1e9 / rate;
  schedule.start_ns = now_ns() + 1'000'000;
  std::vector<double> lateness(schedule.orders.size());
  std::vector<double> samples;
  samples.reserve(2 * schedule.orders.size());
  std::atomic<std::size_t> due{0};
  std::thread generator(generate, std::cref(schedule), std::ref(due), std::ref(lateness));
  Venues venues;
  std::size_t done = 0;
  std::size_t order = 0;
  while (done < schedule.ends.size()) {
    const std::size_t ready = due.load(std::memory_order_acquire);
    if (ready == done) continue;
    const std::size_t until = first_after(schedule, order, std::min(ready, done + kSubBatch));
    const std::size_t from = done == 0 ? 0 : schedule.ends[done - 1];
    engine.step(script.data() + from, schedule.ends[until - 1] - from, kInt64Max, false);
    done = until;
    if (order < schedule.orders.size() && schedule.orders[order] == done - 1) {
      samples.push_back(static_cast<double>(now_ns() - schedule.due_ns(done - 1)));
      venues.answer(engine);
      ++order;
    }
  }
  generator.join();
  samples.insert(samples.end(), lateness.begin(), lateness.end());
  write_samples(samples);
}

}  // namespace venuefold::bench

// Session time: log time without the spans in which a venue does not trade.
#pragma once

#include <cstdint>

namespace venuefold {

// Decay runs on it: what was learned before a halt is as fresh after it.
struct SessionClock {
  static constexpr std::int64_t kRunning = -1;
  std::int64_t paused_ns = 0;
  std::int64_t since_ns = kRunning;

  // Whether the venue trades.
  bool is_running() const { return since_ns == kRunning; }
  // Session time at log time `now_ns`.
  std::int64_t at(std::int64_t now_ns) const {
    return (is_running() ? now_ns : since_ns) - paused_ns;
  }
  // Starts or stops the clock; nothing happens when it already is as asked.
  void turn(bool running, std::int64_t now_ns) {
    if (running && !is_running()) {
      paused_ns += now_ns - since_ns;
      since_ns = kRunning;
    } else if (!running && is_running()) {
      since_ns = now_ns;
    }
  }
};

}  // namespace venuefold

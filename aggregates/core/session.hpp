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

// The clock of a row in one word, since every tick reads it: what it has paused while it runs, else
// the bits of the session time at which it stands, inverted.
class RowClock {
 public:
  bool is_running() const { return word_ >= 0; }
  std::int64_t at(std::int64_t now_ns) const { return is_running() ? now_ns - word_ : ~word_; }
  // Starts or stops it; `paused_ns` takes what it had paused when it stopped.
  void turn(bool running, std::int64_t now_ns, std::int64_t& paused_ns) {
    if (running && !is_running()) {
      word_ = now_ns - ~word_;
    } else if (!running && is_running()) {
      paused_ns = word_;
      word_ = ~(now_ns - word_);
    }
  }
  SessionClock spelled(std::int64_t paused_ns) const {
    if (is_running()) return {word_, SessionClock::kRunning};
    return {paused_ns, ~word_ + paused_ns};
  }
  static RowClock of(const SessionClock& clock) {
    RowClock row;
    row.word_ = clock.is_running() ? clock.paused_ns : ~(clock.since_ns - clock.paused_ns);
    return row;
  }

 private:
  std::int64_t word_ = 0;
};

}  // namespace venuefold

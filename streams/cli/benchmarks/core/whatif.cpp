#include "modes.hpp"

namespace venuefold::bench {
namespace {

constexpr std::size_t kBlock = 256;
constexpr std::uint8_t kNewOrder = 16;

}  // namespace

// Everything counts here: the market, the decisions, and the answers of venues.
void whatif(Engine& engine, Script& script, std::size_t blocks) {
  std::vector<double> samples;
  samples.reserve(blocks);
  Venues venues;
  std::size_t decided = 0;
  std::int64_t started = now_ns();
  std::int64_t apart = 0;  // rewriting the script is not part of it
  while (samples.size() < blocks) {
    const std::int64_t before = now_ns();
    script.next_pass();
    apart += now_ns() - before;
    for (std::size_t at = 0; at < script.size() && samples.size() < blocks;) {
      std::size_t end = at;
      while (script.data()[end] != kNewOrder) end += record_bytes(script.data() + end);
      end += record_bytes(script.data() + end);
      engine.step(script.data() + at, end - at, kInt64Max, false);
      venues.answer(engine);
      at = end;
      if (++decided % kBlock != 0) continue;
      const std::int64_t now = now_ns();
      samples.push_back(kBlock * 1e9 / static_cast<double>(now - started - apart));
      started = now;
      apart = 0;
    }
  }
  write_samples(samples);
}

}  // namespace venuefold::bench

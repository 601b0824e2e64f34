#include "modes.hpp"

namespace venuefold::bench {

void fold(Engine& engine, Script& script, std::size_t passes) {
  std::vector<double> samples;
  samples.reserve(passes);
  const double ticks = static_cast<double>(script.size() / kSlot);
  for (std::size_t pass = 0; pass < passes; ++pass) {
    script.next_pass();
    const std::int64_t started = now_ns();
    const std::size_t used = engine.step(script.data(), script.size(), kInt64Max, false);
    samples.push_back(static_cast<double>(now_ns() - started) / ticks);
    if (used != script.size()) fail("a tick was not folded");
  }
  write_samples(samples);
}

void timer(std::size_t count) {
  std::vector<double> samples(count);
  for (double& sample : samples) {
    const std::int64_t started = now_ns();
    sample = static_cast<double>(now_ns() - started);
  }
  write_samples(samples);
}

}  // namespace venuefold::bench

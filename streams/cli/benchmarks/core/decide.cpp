#include <algorithm>

#include "modes.hpp"

namespace venuefold::bench {
namespace {

constexpr std::uint8_t kNewOrder = 16;

}  // namespace

// A function of its own, so that an instruction counter can be switched on in it alone.
[[gnu::noinline]] std::size_t timed_step(Engine& engine, const std::uint8_t* data,
                                         std::size_t size);
std::size_t timed_step(Engine& engine, const std::uint8_t* data, std::size_t size) {
  return engine.step(data, size, kInt64Max, false);
}

namespace {

// Folds the script over and over until `count` orders were handed to `order`.
template <typename Order>
void for_each_order(Engine& engine, Script& script, Venues& venues, std::size_t count,
                    Order&& order) {
  std::size_t done = 0;
  while (done < count) {
    script.next_pass();
    std::size_t at = 0;
    while (at < script.size() && done < count) {
      std::size_t end = at;
      while (end < script.size() && script.data()[end] != kNewOrder) {
        end += record_bytes(script.data() + end);
      }
      engine.step(script.data() + at, end - at, kInt64Max, false);
      if (end == script.size()) break;
      const std::size_t size = record_bytes(script.data() + end);
      order(script.data() + end, size);
      venues.answer(engine);
      ++done;
      at = end + size;
    }
  }
}

}  // namespace

// Two orders of each instrument untimed: what has traded before is what a router meets.
constexpr std::size_t kWarmUp = 1'000;
void warm_up(Engine& engine, Script& script, Venues& venues, std::size_t count) {
  for_each_order(engine, script, venues, count,
                 [&](const std::uint8_t* data, std::size_t size) {
                   engine.step(data, size, kInt64Max, false);
                 });
}

void decide(Engine& engine, Script& script, std::size_t count) {
  std::vector<double> samples;
  samples.reserve(count);
  Venues venues;
  warm_up(engine, script, venues, std::min(kWarmUp, script.orders()));
  for_each_order(engine, script, venues, count, [&](const std::uint8_t* data,
                                                    std::size_t size) {
    const std::int64_t started = now_ns();
    timed_step(engine, data, size);
    samples.push_back(static_cast<double>(now_ns() - started));
  });
  write_samples(samples);
}

void allocations(Engine& engine, Script& script, std::size_t count) {
  std::vector<double> samples;
  samples.reserve(count);
  Venues venues;
  warm_up(engine, script, venues, script.orders());
  for_each_order(engine, script, venues, count, [&](const std::uint8_t* data,
                                                    std::size_t size) {
    const std::uint64_t before = allocator_calls();
    timed_step(engine, data, size);
    samples.push_back(static_cast<double>(allocator_calls() - before));
  });
  write_samples(samples);
}

}  // namespace venuefold::bench

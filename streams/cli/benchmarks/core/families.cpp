// What each family of venue quality costs a tick: the fold again with families left out.
#include "feed.hpp"
#include "modes.hpp"
#include "state.hpp"

namespace venuefold::bench {
namespace {

constexpr std::size_t kAhead = 12 * kSlot;

}  // namespace

// One pass over the script's quotes, as the engine makes it but for its own checks; ns a tick.
template <unsigned Families>
[[gnu::noinline]] double families_pass(Shard& shard, const Script& script) {
  const std::uint8_t* const end = script.data() + script.size();
  const std::int64_t started = now_ns();
  for (const std::uint8_t* at = script.data(); at < end; at += kSlot) {
    if (at + kAhead < end) {
      std::uint32_t instrument;
      std::memcpy(&instrument, at + kAhead + offsetof(Header, instrument), sizeof instrument);
      shard.books.prefetch_tick(instrument, at[kAhead + offsetof(Header, venue)]);
    }
    Quote record;
    std::memcpy(static_cast<void*>(&record), at, sizeof record);
    ++shard.seq;
    shard.log_ns = record.log_ns;
    if (feed::quote<Families>(shard, record)) fail("a tick was not folded");
  }
  const double ticks = static_cast<double>(script.size() / kSlot);
  return static_cast<double>(now_ns() - started) / ticks;
}

namespace {

using Pass = double (*)(Shard&, const Script&);
// Each without one more family than the one before; the last keeps books and bests only.
constexpr Pass kLadder[] = {
    families_pass<ALL_FAMILIES>,
    families_pass<ALL_FAMILIES & ~HISTOGRAM>,
    families_pass<ALL_FAMILIES & ~(HISTOGRAM | JUMPS)>,
    families_pass<TIMES | NEAR | DELAY | GAP>,
    families_pass<TIMES | NEAR | DELAY>,
    families_pass<TIMES | NEAR>,
    families_pass<NEAR>,
    families_pass<0>,
};

}  // namespace

void families(const Engine& engine, Script& script, std::size_t passes) {
  const std::vector<std::uint8_t> state = engine.state_bytes();
  const auto shard = decode_state(state.data(), state.size(), engine.shard().generation);
  std::vector<double> samples;
  for (std::size_t i = 0; i < passes; ++i) {
    for (const Pass fold : kLadder) {
      script.next_pass();
      samples.push_back(fold(*shard, script));
    }
  }
  write_samples(samples);
}

void rows() {
  const std::size_t always = sizeof(Tick) + sizeof(Terms) + sizeof(Deep) + sizeof(Contract) +
                             sizeof(std::uint32_t);
  write_samples({static_cast<double>(always), static_cast<double>(sizeof(Evidence)),
                 static_cast<double>(kOpeningSlots * sizeof(Opening)),
                 static_cast<double>(sizeof(Hazard))});
}

void fold_allocations(Engine& engine, Script& script, std::size_t passes) {
  std::vector<double> samples;
  samples.reserve(passes);
  for (std::size_t pass = 0; pass <= passes; ++pass) {
    script.next_pass();
    const std::uint64_t before = allocator_calls();
    engine.step(script.data(), script.size(), kInt64Max, false);
    if (pass != 0) samples.push_back(static_cast<double>(allocator_calls() - before));
  }
  write_samples(samples);
}

}  // namespace venuefold::bench

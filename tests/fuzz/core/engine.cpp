#include <algorithm>
#include <vector>

#include "engine.hpp"
#include "schemas/core/slots.hpp"
#include "targets.hpp"

namespace venuefold::fuzz {
namespace {

constexpr std::size_t kPiece = 64;  // records a step
constexpr std::uint64_t kRestart = 200'000;  // inputs until a new engine starts on the clean corpus

std::vector<std::size_t> record_ends(Corpus corpus) {
  std::vector<std::size_t> ends;
  for (std::size_t at = 0; at + kSlot <= corpus.size();) {
    at += kSlots[corpus[at]] * kSlot;
    if (at <= corpus.size()) ends.push_back(at);
  }
  return ends;
}

void step(Engine& engine, std::span<const std::uint8_t> bytes) {
  const std::size_t used = engine.step(bytes.data(), bytes.size(), kInt64Max, false);
  if (used > bytes.size()) broken("the engine consumed more than it was given");
}

void round_trip(const Engine& engine, const std::string& generation) {
  const std::vector<std::uint8_t> state = engine.state_bytes();
  Engine other(0, generation);
  other.restore(state.data(), state.size());
  if (other.state_bytes() != state) broken("a state does not survive its own encoding");
}

}  // namespace

std::uint64_t engine_records(Random& random, Corpus corpus, const std::string& generation,
                             std::uint64_t count) {
  const std::vector<std::size_t> ends = record_ends(corpus);
  std::uint64_t done = 0;
  while (done < count) {
    Engine engine(0, generation);
    for (std::size_t record = 0; record < ends.size() && done < count; record += kPiece) {
      const std::size_t from = record == 0 ? 0 : ends[record - 1];
      const std::size_t last = std::min(record + kPiece, ends.size()) - 1;
      std::vector<std::uint8_t> piece(corpus.begin() + static_cast<std::ptrdiff_t>(from),
                                      corpus.begin() + static_cast<std::ptrdiff_t>(ends[last]));
      for (std::size_t at = 0; at + kSlot <= piece.size();) {
        const std::size_t size = std::min(kSlots[piece[at]] * kSlot, piece.size() - at);
        if (random.one_in(4)) spoil(random, std::span(piece).subspan(at, size));
        at += size;
        ++done;
      }
      step(engine, piece);
      if (done % kRestart > kRestart - kPiece) break;
    }
    round_trip(engine, generation);
  }
  return done;
}

std::uint64_t engine_state(Random& random, Corpus corpus, const std::string& generation,
                           std::uint64_t count) {
  Engine engine(0, generation);
  step(engine, corpus.first(corpus.size() / 2 - corpus.size() / 2 % kSlot));
  const std::vector<std::uint8_t> state = engine.state_bytes();
  std::uint64_t taken = 0;
  for (std::uint64_t done = 0; done < count; ++done) {
    Engine other(0, generation);
    const std::vector<std::uint8_t> wrong = spoiled(random, state);
    try {
      other.restore(wrong.data(), wrong.size());
    } catch (const StateError&) {
      continue;
    }
    ++taken;
    round_trip(other, generation);
    step(other, corpus.subspan(corpus.size() - std::min<std::size_t>(corpus.size(), 64 * kSlot)));
  }
  if (count > 1'000 && taken == 0) broken("no spoiled state was ever taken over: nothing is tried");
  return count;
}

}  // namespace venuefold::fuzz

// Bytes made wrong in the ways that find bugs: flipped bits, extreme numbers, cuts and copies.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace venuefold::fuzz {

// SplitMix64: small, seeded, the same everywhere.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : next() % bound; }
  bool one_in(std::size_t n) { return below(n) == 0; }

 private:
  std::uint64_t state_;
};

// Changes one to four places of `bytes`, their number kept.
void spoil(Random& random, std::span<std::uint8_t> bytes);
// A spoiled copy that may also be cut, lengthened, or hold a piece twice.
std::vector<std::uint8_t> spoiled(Random& random, std::span<const std::uint8_t> bytes);

}  // namespace venuefold::fuzz

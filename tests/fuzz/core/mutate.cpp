#include "mutate.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace venuefold::fuzz {
namespace {

constexpr std::array<std::uint64_t, 12> kExtremes = {
    0,
    1,
    0x7F,
    0xFF,
    0xFFFF,
    0x7FFFFFFF,
    0xFFFFFFFF,
    0x7FFFFFFFFFFFFFFF,
    0x8000000000000000,
    0xFFFFFFFFFFFFFFFF,
    0x7FF0000000000000,  // infinity
    0x7FF8000000000001,  // not a number
};

}  // namespace

std::uint64_t Random::next() {
  std::uint64_t z = (state_ += 0x9E3779B97F4A7C15);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
  return z ^ (z >> 31);
}

void spoil(Random& random, std::span<std::uint8_t> bytes) {
  if (bytes.empty()) return;
  for (std::size_t left = 1 + random.below(4); left > 0; --left) {
    const std::size_t at = random.below(bytes.size());
    switch (random.below(4)) {
      case 0:
        bytes[at] ^= static_cast<std::uint8_t>(1U << random.below(8));
        break;
      case 1:
        bytes[at] = static_cast<std::uint8_t>(random.next());
        break;
      default: {
        const std::size_t width = std::size_t{1} << random.below(4);
        const std::size_t place = at - at % width;
        const std::uint64_t value = kExtremes[random.below(kExtremes.size())];
        std::memcpy(&bytes[place], &value, std::min(width, bytes.size() - place));
      }
    }
  }
}

std::vector<std::uint8_t> spoiled(Random& random, std::span<const std::uint8_t> bytes) {
  std::vector<std::uint8_t> copy(bytes.begin(), bytes.end());
  if (random.one_in(4)) copy.resize(random.below(copy.size() + 1));
  if (random.one_in(8) && !copy.empty()) {
    const std::size_t from = random.below(copy.size());
    const std::vector<std::uint8_t> piece(copy.begin() + static_cast<std::ptrdiff_t>(from),
                                          copy.end());
    copy.insert(copy.end(), piece.begin(), piece.end());
  }
  if (random.one_in(8)) copy.resize(copy.size() + random.below(200), 0xA5);
  spoil(random, copy);
  return copy;
}

}  // namespace venuefold::fuzz

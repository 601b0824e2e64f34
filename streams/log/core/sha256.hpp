// SHA-256 (FIPS 180-4), with the processor's SHA extensions where it has them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace venuefold {

using Digest = std::array<std::uint8_t, 32>;

// Folds `blocks` 64-byte blocks into the eight state words.
using Compress = void (*)(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);

void compress_scalar(std::uint32_t* state, const std::uint8_t* data, std::size_t blocks);
bool has_sha_instructions();
// The fastest compress function of this machine.
Compress compress_best();

// A streaming hash: update any number of times, then finish once.
class Sha256 {
 public:
  explicit Sha256(Compress compress);
  void update(const std::uint8_t* data, std::size_t size);
  Digest finish();

 private:
  Compress compress_;
  std::array<std::uint32_t, 8> state_;
  std::array<std::uint8_t, 64> pending_;
  std::size_t pending_size_ = 0;
  std::uint64_t total_ = 0;
};

}  // namespace venuefold

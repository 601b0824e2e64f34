// The bytes of a step's outputs, written in place and kept for the next step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

namespace venuefold {

class Outputs {
 public:
  const std::uint8_t* data() const { return bytes_.get(); }
  std::size_t size() const { return size_; }
  void clear() { size_ = 0; }

  // Place for `most` bytes at the end; `commit` says how many were written.
  std::uint8_t* reserve(std::size_t most) {
    if (capacity_ - size_ < most) grow(most);
    return bytes_.get() + size_;
  }
  void commit(std::size_t written) { size_ += written; }

 private:
  static constexpr std::size_t kLeast = 1 << 16;
  std::size_t size_ = 0;
  std::size_t capacity_ = kLeast;
  std::unique_ptr<std::uint8_t[]> bytes_ = std::make_unique<std::uint8_t[]>(kLeast);

  void grow(std::size_t most) {
    capacity_ = std::max(2 * capacity_, size_ + most);
    std::unique_ptr<std::uint8_t[]> wider(new std::uint8_t[capacity_]);
    std::memcpy(wider.get(), bytes_.get(), size_);
    bytes_ = std::move(wider);
  }
};

}  // namespace venuefold

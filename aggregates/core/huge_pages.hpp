// Memory for rows that are met in any order, asked for in huge pages where the system has them.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <new>

namespace venuefold {

// An allocator of whole huge pages for what is larger than one; less takes ordinary memory.
template <class Value>
struct HugePages {
  using value_type = Value;
  static constexpr std::size_t kPage = std::size_t{1} << 21;
  static constexpr std::size_t kLine = 64;

  HugePages() = default;
  template <class Other>
  HugePages(const HugePages<Other>&) noexcept {}

  Value* allocate(std::size_t count) {
    const std::size_t size = count * sizeof(Value);
    const std::align_val_t place = alignment(size);
    void* memory = ::operator new(size, place);
    // A refusal costs speed and nothing else.
    if (size > kPage) static_cast<void>(madvise(memory, size / kPage * kPage, MADV_HUGEPAGE));
    return static_cast<Value*>(memory);
  }
  void deallocate(Value* memory, std::size_t count) noexcept {
    ::operator delete(memory, alignment(count * sizeof(Value)));
  }
  bool operator==(const HugePages&) const = default;

 private:
  static constexpr std::align_val_t alignment(std::size_t size) {
    return std::align_val_t{size > kPage ? kPage : std::max(alignof(Value), kLine)};
  }
};

}  // namespace venuefold

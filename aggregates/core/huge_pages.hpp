// Memory for rows that are met in any order, asked for in huge pages where the system has them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <new>

namespace venuefold {

// An allocator of whole huge pages for what is larger than one; less takes ordinary memory.
template <class Value>
struct HugePages {
  using value_type = Value;
  static constexpr std::size_t kPage = std::size_t{1} << 21;

  HugePages() = default;
  template <class Other>
  HugePages(const HugePages<Other>&) noexcept {}

  Value* allocate(std::size_t count) {
    const std::size_t wanted = count * sizeof(Value);
    const bool large = wanted > kPage;
    const std::size_t page = large ? kPage : alignof(Value);
    const std::size_t size = (wanted + page - 1) / page * page;
    void* memory = large ? std::aligned_alloc(page, size)
                         : ::operator new(size, std::align_val_t{alignof(Value)});
    if (memory == nullptr) throw std::bad_alloc();
    // A refusal costs speed and nothing else.
    if (large) static_cast<void>(madvise(memory, size, MADV_HUGEPAGE));
    return static_cast<Value*>(memory);
  }
  void deallocate(Value* memory, std::size_t count) noexcept {
    if (count * sizeof(Value) > kPage) {
      std::free(memory);
    } else {
      ::operator delete(memory, std::align_val_t{alignof(Value)});
    }
  }
  bool operator==(const HugePages&) const = default;
};

}  // namespace venuefold

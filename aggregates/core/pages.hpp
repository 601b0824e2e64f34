// Memory for tables that ticks reach at random: big ones lie in huge pages, where the system has
// them, so that a row costs a cache miss and not a page walk as well.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

#ifdef __linux__
#include <sys/mman.h>
#endif

namespace venuefold {

template <class T>
struct HugePages {
  using value_type = T;
  static constexpr std::size_t kHuge = std::size_t{1} << 21;

  HugePages() = default;
  template <class Other>
  explicit HugePages(const HugePages<Other>&) {}

  T* allocate(std::size_t count) {
    const std::size_t size = count * sizeof(T);
    void* memory = ::operator new(size, alignment(size));
#ifdef __linux__
    // Advice only: where it is not taken, pages stay small.
    if (size >= kHuge) madvise(memory, size, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    ::operator delete(memory, alignment(count * sizeof(T)));
  }
  template <class Other>
  bool operator==(const HugePages<Other>&) const {
    return true;
  }

 private:
  static std::align_val_t alignment(std::size_t size) {
    return std::align_val_t{size >= kHuge ? kHuge : alignof(T)};
  }
};

template <class T>
using Table = std::vector<T, HugePages<T>>;

}  // namespace venuefold

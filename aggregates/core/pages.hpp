// Memory of large tables, on large pages where the system gives them.
//
// A decision reads lines of a hundred places far apart; on pages of 4 KiB it would wait for page
// tables more than for the lines themselves.
#pragma once

#include <algorithm>
#include <cstddef>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace venuefold {

constexpr std::size_t kLargePage = std::size_t{1} << 21;

template <class T>
struct LargePages {
  using value_type = T;

  LargePages() = default;
  template <class Other>
  explicit LargePages(const LargePages<Other>&) {}

  T* allocate(std::size_t count) {
    const std::size_t size = bytes(count);
    void* const memory = ::operator new(size, alignment(size));
#if defined(MADV_HUGEPAGE)
    // Only asked for: without large pages everything is as it was.
    if (size >= kLargePage) static_cast<void>(madvise(memory, size, MADV_HUGEPAGE));
#endif
    return static_cast<T*>(memory);
  }
  void deallocate(T* memory, std::size_t count) {
    ::operator delete(memory, alignment(bytes(count)));
  }
  bool operator==(const LargePages&) const { return true; }

 private:
  // Whole pages, from the size of one on.
  static std::size_t bytes(std::size_t count) {
    const std::size_t size = count * sizeof(T);
    return size < kLargePage ? size : (size + kLargePage - 1) / kLargePage * kLargePage;
  }
  static std::align_val_t alignment(std::size_t size) {
    return std::align_val_t{size < kLargePage ? std::max(alignof(T), alignof(std::max_align_t))
                                              : kLargePage};
  }
};

template <class Row>
using Table = std::vector<Row, LargePages<Row>>;

}  // namespace venuefold

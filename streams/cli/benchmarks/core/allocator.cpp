// Counts what the program allocates: every operator new ends here.
#include <cstdlib>
#include <new>

#include "script.hpp"

namespace {
std::uint64_t calls = 0;
}

namespace venuefold::bench {
std::uint64_t allocator_calls() { return calls; }
}  // namespace venuefold::bench

void* operator new(std::size_t size) {
  ++calls;
  if (void* found = std::malloc(size == 0 ? 1 : size)) return found;
  throw std::bad_alloc();
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

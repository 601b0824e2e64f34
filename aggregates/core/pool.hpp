// Things that come and go without the heap: slots that are used again, and lookups by key.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <vector>

#include "arithmetic.hpp"
#include "huge_pages.hpp"

namespace venuefold {

// What asks for memory ahead is always inlined here: the compiler takes a function that does
// nothing else for one without effect and leaves its calls out.

using Slot = std::uint32_t;
constexpr Slot kNoSlot = 0xFFFFFFFFu;

// Slots whose addresses never change. Memory is touched a little at a time, ahead of its use.
template <class T>
class Pool {
 public:
  Pool() = default;
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (Slot slot = 0; slot < made_; ++slot) (*this)[slot].~T();
  }

  T& operator[](Slot slot) { return *reinterpret_cast<T*>(place(slot)); }
  const T& operator[](Slot slot) const { return *reinterpret_cast<const T*>(place(slot)); }

  // A slot that is free; what it held before is still there.
  Slot take() {
    if (!free_.empty()) {
      const Slot slot = free_.back();
      free_.pop_back();
      return slot;
    }
    if (made_ == touched_) make_room();
    new (place(made_)) T;
    return made_++;
  }
  // Touches memory for a few more slots, so that taking them waits for no page.
  void make_room() {
    if (touched_ >= made_ + kRoom) return;
    for (Slot i = 0; i < kStride; ++i, ++touched_) {
      if (touched_ == chunks_.size() * kChunk) {
        chunks_.push_back(std::make_unique_for_overwrite<Place[]>(kChunk));
      }
      std::byte* const bytes = place(touched_);
      bytes[0] = bytes[sizeof(T) - 1] = std::byte{0};
    }
  }
  // Asks for the memory of the slots that will be taken next.
  [[gnu::always_inline]] void prefetch(std::size_t count) const {
    for (std::size_t i = 0; i < std::min(count, free_.size()); ++i) {
      const std::byte* const bytes = place(free_[free_.size() - 1 - i]);
      for (std::size_t at = 0; at < sizeof(T); at += kLine) __builtin_prefetch(bytes + at, 1);
    }
  }
  void give_back(Slot slot) { free_.push_back(slot); }

 private:
  static constexpr Slot kChunk = 64;
  static constexpr std::size_t kLine = 64;
  static constexpr Slot kRoom = 64;
  static constexpr Slot kStride = 8;
  struct alignas(T) Place {
    std::byte bytes[sizeof(T)];
  };
  std::vector<std::unique_ptr<Place[]>> chunks_;
  std::vector<Slot> free_;
  Slot made_ = 0;
  Slot touched_ = 0;

  std::byte* place(Slot slot) const { return chunks_[slot / kChunk][slot % kChunk].bytes; }
};

// Open-addressing table of (hash, slot) with linear probing. Its order is nobody's business: what
// visits all of it sorts.
class SlotIndex {
 public:
  SlotIndex() : places_(kLeast) {}

  std::size_t size() const { return size_; }

  // Slot whose key satisfies `is_it`, or kNoSlot.
  template <class Predicate>
  Slot find(std::uint32_t hash, Predicate is_it) const {
    for (std::size_t i = home(hash);; i = next(i)) {
      const Place& place = places_[i];
      if (place.slot == kNoSlot) return kNoSlot;
      if (place.hash == hash && is_it(place.slot)) return place.slot;
    }
  }

  // Asks for the memory where a hash is at home.
  [[gnu::always_inline]] void prefetch(std::uint32_t hash) const {
    __builtin_prefetch(&places_[home(hash)], 1);
  }

  void insert(std::uint32_t hash, Slot slot) {
    if (2 * (size_ + 1) > places_.size()) grow();
    put(hash, slot);
    ++size_;
  }

  void erase(std::uint32_t hash, Slot slot) {
    std::size_t hole = home(hash);
    while (places_[hole].slot != slot) hole = next(hole);
    // Moves back whatever the hole would hide from its home.
    for (std::size_t i = next(hole); places_[i].slot != kNoSlot; i = next(i)) {
      if (((i - home(places_[i].hash)) & mask()) >= ((i - hole) & mask())) {
        places_[hole] = places_[i];
        hole = i;
      }
    }
    places_[hole] = {};
    --size_;
  }

  template <class Visit>
  void each(Visit visit) const {
    for (const Place& place : places_) {
      if (place.slot != kNoSlot) visit(place.slot);
    }
  }

 private:
  struct alignas(8) Place {
    std::uint32_t hash = 0;
    Slot slot = kNoSlot;
  };
  static constexpr std::size_t kLeast = 4096;
  std::vector<Place, HugePages<Place>> places_;
  std::size_t size_ = 0;

  std::size_t mask() const { return places_.size() - 1; }
  std::size_t home(std::uint32_t hash) const { return hash & mask(); }
  std::size_t next(std::size_t i) const { return (i + 1) & mask(); }

  void put(std::uint32_t hash, Slot slot) {
    std::size_t i = home(hash);
    while (places_[i].slot != kNoSlot) i = next(i);
    places_[i] = {hash, slot};
  }
  void grow() {
    std::vector<Place, HugePages<Place>> old(2 * places_.size());
    old.swap(places_);
    for (const Place& place : old) {
      if (place.slot != kNoSlot) put(place.hash, place.slot);
    }
  }
};

// Things by a 64-bit id. T has `id()` and `reset()`.
template <class T>
class Registry {
 public:
  std::size_t size() const { return index_.size(); }

  T* find(std::uint64_t id) {
    const Slot slot = slot_of(id);
    return slot == kNoSlot ? nullptr : &pool_[slot];
  }

  const T* find(std::uint64_t id) const {
    const Slot slot = slot_of(id);
    return slot == kNoSlot ? nullptr : &pool_[slot];
  }

  // A reset thing that will answer to `id`.
  T& add(std::uint64_t id) {
    const Slot slot = pool_.take();
    index_.insert(hash(id), slot);
    pool_[slot].reset(id);
    return pool_[slot];
  }

  void make_room() { pool_.make_room(); }

  // Asks for where the thing of an id is found.
  [[gnu::always_inline]] void prefetch(std::uint64_t id) const { index_.prefetch(hash(id)); }
  // Asks for what additions of rising ids will write.
  [[gnu::always_inline]] void prefetch(std::uint64_t first_id, std::size_t count) const {
    constexpr std::uint64_t run = 1 << kRunBits;
    for (std::uint64_t id = first_id; id < first_id + count; id = (id / run + 1) * run) {
      index_.prefetch(hash(id));
    }
    pool_.prefetch(count);
  }

  // Rising.
  std::vector<std::uint64_t> ids() const {
    std::vector<std::uint64_t> ids;
    ids.reserve(size());
    index_.each([&](Slot slot) { ids.push_back(pool_[slot].id()); });
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  void remove(std::uint64_t id) {
    const Slot slot = slot_of(id);
    index_.erase(hash(id), slot);
    pool_.give_back(slot);
  }

 private:
  Pool<T> pool_;
  SlotIndex index_;

  // Eight ids in a row share a cache line of the index, which are the children of a decision; where
  // that lies is as good as random, so that ids which stay behind stand in nobody's way.
  static constexpr int kRunBits = 3;
  static std::uint32_t hash(std::uint64_t id) {
    constexpr std::uint64_t run = (1 << kRunBits) - 1;
    const std::uint64_t place = ((id >> kRunBits) * kPrime) >> 32;
    return static_cast<std::uint32_t>((place & ~run) | (id & run));
  }
  Slot slot_of(std::uint64_t id) const {
    return index_.find(hash(id), [&](Slot slot) { return pool_[slot].id() == id; });
  }
};

}  // namespace venuefold

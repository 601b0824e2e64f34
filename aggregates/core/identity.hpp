// One order per ClOrdID: identities are remembered for an exact window of TransactTime.
#pragma once

#include <cstdint>

#include "pool.hpp"
#include "schemas/core/layout.hpp"
#include "state.hpp"

namespace venuefold {

constexpr std::size_t kMaxIdentities = std::size_t{1} << 22;

// (account, cl_ord_id, dense instrument), padded to whole words.
struct IdentityKey {
  char account[16];
  char cl_ord_id[32];
  std::uint64_t instrument;

  IdentityKey() = default;
  IdentityKey(const char (&account_text)[16], const char (&id_text)[32], std::uint32_t dense);
  std::uint32_t hash() const { return static_cast<std::uint32_t>(digest64(this, sizeof *this)); }
  bool operator==(const IdentityKey& other) const {
    return std::memcmp(this, &other, sizeof *this) == 0;
  }
};
static_assert(sizeof(IdentityKey) == 56);

// A remembered ClOrdID: what it asked for and what became of it.
struct Identity {
  IdentityKey key;
  std::uint64_t digest = 0;
  std::int64_t transact_ns = 0;
  std::uint64_t order_id = 0;
  std::uint64_t decision_id = 0;

 private:
  friend class Identities;
  std::uint32_t hash_ = 0;
  Slot older_ = kNoSlot;
  Slot newer_ = kNoSlot;
};

// Identities by key and by age.
class Identities {
 public:
  std::size_t size() const { return index_.size(); }
  void make_room() { pool_.make_room(); }
  // Asks for the memory where a key of that hash is looked for, and for what is forgotten next.
  [[gnu::always_inline]] void prefetch(std::uint32_t hash) const {
    index_.prefetch(hash);
    if (oldest_ != kNoSlot) __builtin_prefetch(&pool_[oldest_].transact_ns, 1);
  }
  Identity* find(const IdentityKey& key) { return find(key, key.hash()); }
  Identity* find(const IdentityKey& key, std::uint32_t hash);
  // Remembers `key` as the newest; one of the same key must have been dropped.
  Identity& add(const IdentityKey& key) { return add(key, key.hash()); }
  Identity& add(const IdentityKey& key, std::uint32_t hash);
  void drop(Identity& identity);
  // Drops from the oldest end while they are older than `oldest_ns`.
  void forget(std::int64_t oldest_ns);

  template <class Visit>
  void each_by_age(Visit visit) const {
    for (Slot slot = oldest_; slot != kNoSlot; slot = pool_[slot].newer_) visit(pool_[slot]);
  }

 private:
  Pool<Identity> pool_;
  SlotIndex index_;
  Slot oldest_ = kNoSlot;
  Slot newest_ = kNoSlot;
};

}  // namespace venuefold

#include "identity.hpp"

namespace venuefold {

IdentityKey::IdentityKey(const char (&account_text)[16], const char (&id_text)[32],
                         std::uint32_t dense)
    : instrument(dense) {
  std::memcpy(account, account_text, sizeof account);
  std::memcpy(cl_ord_id, id_text, sizeof cl_ord_id);
}

Identity* Identities::find(const IdentityKey& key, std::uint32_t hash) {
  const Slot slot = index_.find(hash, [&](Slot at) { return pool_[at].key == key; });
  return slot == kNoSlot ? nullptr : &pool_[slot];
}

Identity& Identities::add(const IdentityKey& key, std::uint32_t hash) {
  const Slot slot = pool_.take();
  Identity& fresh = pool_[slot];
  fresh = Identity{};
  fresh.key = key;
  fresh.hash_ = hash;
  fresh.older_ = newest_;
  (newest_ == kNoSlot ? oldest_ : pool_[newest_].newer_) = slot;
  newest_ = slot;
  index_.insert(fresh.hash_, slot);
  return fresh;
}

void Identities::drop(Identity& identity) {
  const Slot slot = identity.older_ == kNoSlot ? oldest_ : pool_[identity.older_].newer_;
  (identity.older_ == kNoSlot ? oldest_ : pool_[identity.older_].newer_) = identity.newer_;
  (identity.newer_ == kNoSlot ? newest_ : pool_[identity.newer_].older_) = identity.older_;
  index_.erase(identity.hash_, slot);
  pool_.give_back(slot);
}

void Identities::forget(std::int64_t oldest_ns) {
  while (oldest_ != kNoSlot && pool_[oldest_].transact_ns < oldest_ns) drop(pool_[oldest_]);
}

}  // namespace venuefold

// What accounts may do and what they hold: positions, rates, the repeat-execution throttle.
//
// A rate is exact: the times of the last N events are kept, and one more is allowed when the oldest
// of them has left the window.
#pragma once

#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "order.hpp"
#include "pool.hpp"
#include "risk.hpp"

namespace venuefold {

struct Shard;

constexpr std::size_t kMaxAccounts = 4096;
constexpr std::size_t kMaxPositions = 65'536;
constexpr std::uint32_t kMaxRate = 1024;
constexpr std::int64_t kMaxOnes = 1'000'000'000'000'000;

// A client, account or trader, ordered by its bytes.
struct Target {
  std::array<char, 16> name;

  Target() = default;
  explicit Target(const char (&text)[16]) { std::memcpy(name.data(), text, sizeof text); }
  bool operator<(const Target& other) const {
    return std::memcmp(name.data(), other.name.data(), name.size()) < 0;
  }
};

// Limits of one account in force, and what counts against them.
struct AccountState {
  AccountLimits record{};
  bool throttled = false;
  std::deque<std::int64_t> messages;
  std::deque<std::int64_t> sends;
  // The shard's share of the gross limit, what was last told of it, and what orders wanted since.
  std::int64_t budget_ones = 0;
  std::int64_t told_ones = 0;
  std::int64_t wanted_ones = 0;
  std::uint64_t budget_seq = 0;
};

struct PositionKey {
  Target account;
  std::uint32_t instrument;

  bool operator<(const PositionKey& other) const {
    if (account < other.account) return true;
    return !(other.account < account) && instrument < other.instrument;
  }
  bool operator==(const PositionKey& other) const {
    return instrument == other.instrument && account.name == other.account.name;
  }
  std::uint32_t hash() const {
    std::uint64_t words[2];
    std::memcpy(words, account.name.data(), sizeof words);
    return static_cast<std::uint32_t>(((words[0] ^ instrument) * kPrime ^ words[1]) * kPrime >> 32);
  }
};

// One account in one instrument at one venue; `units` below 0 are owed there, `reserved` is what
// open sells may still take.
struct Holding {
  std::int64_t units = 0;
  std::int64_t reserved = 0;

  std::int64_t free_units() const { return std::max(std::int64_t{0}, units - reserved); }
};
// By dense venue id.
using Holdings = std::array<Holding, kMaxVenues>;

// One account in one instrument. `open_units` is (buy, sell): what its parents may still do;
// `holdings` are null where nobody asks.
struct Position {
  std::int64_t net_units = 0;
  std::int64_t bought_units = 0;
  std::int64_t sold_units = 0;
  int128 notional = 0;
  int128 fee_nanos = 0;
  std::int64_t open_units[2] = {0, 0};
  std::unique_ptr<Holdings> holdings;
};

struct Accounts {
  std::map<Target, AccountState> limits;
  // In the order of the state's bytes; nothing is ever taken out.
  std::map<PositionKey, Position> positions;

  AccountState* find(const char (&name)[16]) {
    if (limits.empty()) return nullptr;
    const auto found = limits.find(Target(name));
    return found == limits.end() ? nullptr : &found->second;
  }
  // Asks for the memory of a position: first for where it is said, then for itself.
  [[gnu::always_inline]] void prefetch_index(const char (&name)[16],
                                             std::uint32_t instrument) const {
    index_.prefetch(PositionKey{Target(name), instrument}.hash());
  }
  [[gnu::always_inline]] void prefetch_position(const char (&name)[16],
                                                std::uint32_t instrument) const {
    const std::uint32_t hash = PositionKey{Target(name), instrument}.hash();
    const Slot slot = index_.find(hash, [](Slot) { return true; });
    if (slot == kNoSlot) return;
    __builtin_prefetch(&places_[slot]->first, 1);
    __builtin_prefetch(&places_[slot]->second.open_units, 1);
  }
  // Made where there is none; null when the table is full.
  Position* position(const char (&name)[16], std::uint32_t instrument);
  // Bit mask of the venues that an account may use.
  std::uint64_t permitted(const char (&name)[16]) {
    const AccountState* account = find(name);
    const std::uint64_t mask = account != nullptr ? account->record.venues_permitted : 0;
    return mask != 0 ? mask : ~std::uint64_t{0};
  }

 private:
  // The same positions by hash, since every order asks.
  SlotIndex index_;
  std::vector<std::pair<const PositionKey, Position>*> places_;
};

bool is_valid(const AccountLimits& record);

namespace accounts {

// New limits of an account; what has counted so far goes on counting.
Reason put(Shard& shard, const AccountLimits& record);
// Counts a new order or an amendment, unless there were too many in the window.
Verdict count_message(Shard& shard, const NewOrder& record);
// Counts a routing attempt; false trips the throttle, which only a person re-arms.
bool may_send(Shard& shard, const Order& order);
// Net and gross notional if all that is open, and `added_units` more, were executed.
Verdict check_position(Shard& shard, const NewOrder& record, std::int64_t added_units,
                       std::int64_t mid_x2);
// Whole quote currency over the account's instruments, each at its last valid mid; `own` counts
// with `added_units` more, at `mid_x2`.
int128 gross_ones(const Shard& shard, const Target& name, std::uint32_t own,
                  std::int64_t added_units, std::int64_t mid_x2);
// Keeps what is open of the account in step with what a parent may still do.
void reserve(Order& order);
// A fill moves the position; negative units take one back.
void book_fill(const Order& order, std::int64_t units, std::int64_t nanos,
               std::int64_t fee_nanos);
// A fee as an output's 64 bits hold it.
std::int64_t fee_word(int128 fee_nanos);

}  // namespace accounts
}  // namespace venuefold

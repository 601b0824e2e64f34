// Mid moves after fills, and after moments without our orders as their control.
//
// Each fill waits for its four horizons; a timer settles each on the prevailing mid, the last valid
// one (two-sided, not crossed) that is not older than the settings allow. What cannot settle is
// counted by reason. Passive fills give adverse selection, aggressive ones impact net of the
// control's drift.
#pragma once

#include <cstddef>
#include <cstdint>

namespace venuefold {

struct Book;
struct ExecReport;
struct Order;
struct Shard;

// A mid move that is being waited for. `sign` is +1 for a buy, -1 for a sell, +1 for a control.
struct Markout {
  std::uint64_t markout_id = 0;
  std::int64_t price_nanos = 0;
  std::int64_t mid_x2 = 0;
  std::int64_t start_ns = 0;
  std::uint32_t instrument = 0;
  std::uint8_t venue = 0;
  std::uint8_t kind = 0;
  std::int8_t sign = 1;

  std::uint64_t id() const { return markout_id; }
  void reset(std::uint64_t id) {
    *this = Markout{};
    markout_id = id;
  }
};

namespace markouts {

// Begins to wait for what follows a fill; auctions and unknown liquidity are not followed.
void start_fill(Shard& shard, std::uint32_t instrument, std::uint8_t venue, std::int8_t sign,
                std::uint8_t liquidity, std::int64_t price_nanos);
// Begins one control for each instrument that has a mid and none of our orders.
void start_controls(Shard& shard);
// Settles one horizon of one markout on the mid as of now; the last one forgets it.
void settle(Shard& shard, std::uint64_t subject);
// Asks for what a timer that is due soon will need; `soon` is so near that its markout is here.
void foresee(const Shard& shard, std::uint64_t subject, bool soon);
// Twice the last valid mid in nanos; 0 where there was none or it is too old.
std::int64_t valid_mid(const Shard& shard, const Book& book);

// part / whole in basis points.
inline double bps(std::int64_t part, std::int64_t whole) {
  return static_cast<double>(part) / static_cast<double>(whole) * 10000.0;
}

}  // namespace markouts
}  // namespace venuefold

#include "markouts.hpp"

#include <optional>

#include "shard.hpp"

namespace venuefold::markouts {
namespace {

constexpr std::size_t kMaxMarkouts = 65'536;

std::optional<MarkoutKind> kind_of(std::uint8_t liquidity) {
  switch (static_cast<Liquidity>(liquidity)) {
    case Liquidity::ADD:
    case Liquidity::HIDDEN:
      return MarkoutKind::ADDED;
    case Liquidity::TAKE:
      return MarkoutKind::REMOVED;
    case Liquidity::MID:
      return MarkoutKind::MID;
    case Liquidity::NONE:
    case Liquidity::AUCTION:
      break;
  }
  return std::nullopt;
}

// Counts a markout that will not settle, by reason and side.
void drop(Shard& shard, const Markout& markout, MarkoutDrop reason) {
  const std::size_t place = 2u * number(reason) + (markout.sign < 0);
  ++shard.markout_drops[place];
  if (markout.venue == kVenueNone || place >= kVenueDrops) return;
  ++shard.venues[markout.venue].drops[place];
  shard.venues.dirty |= std::uint64_t{1} << markout.venue;
}

void start(Shard& shard, const Book& book, Markout markout) {
  markout.mid_x2 = valid_mid(shard, book);
  markout.start_ns = shard.log_ns;
  if (markout.mid_x2 == 0) {
    drop(shard, markout, book.mid_x2 != 0 ? MarkoutDrop::STALE_MID : MarkoutDrop::NO_MID);
    return;
  }
  if (shard.markouts.size() >= kMaxMarkouts) {
    drop(shard, markout, MarkoutDrop::TABLE_FULL);
    return;
  }
  const Settings& settings = shard.tables.settings();
  const std::int64_t horizons_ns[kHorizons] = {settings.horizon_1_ns, settings.horizon_2_ns,
                                               settings.horizon_3_ns, settings.horizon_4_ns};
  // They rise, so that those finer than the data are the first ones.
  std::size_t index = 0;
  while (index < kHorizons && horizons_ns[index] < settings.resolution_ns) ++index;
  if (index == kHorizons) return;
  markout.markout_id = shard.next_markout_id++;
  shard.markouts.add(markout.markout_id) = markout;
  for (; index < kHorizons; ++index) {
    shard.schedule(shard.log_ns + horizons_ns[index], TimerKind::MARKOUT,
                   markout.markout_id * kHorizons + index);
  }
}

// Whether the venue trades the instrument now.
bool is_trading(const Shard& shard, const Book& book, std::uint8_t venue) {
  return (shard.tables.open() & book.open) >> venue & 1;
}

void observe(Shard& shard, Book& book, const Markout& markout, std::size_t index,
             std::int64_t mid_x2) {
  const Grid& impact = shard.tables.grids().impact;
  const double move_bps = bps(markout.sign * (mid_x2 - markout.mid_x2), markout.mid_x2);
  const auto kind = static_cast<MarkoutKind>(markout.kind);
  Moments& drift = book.drift[index];
  if (kind == MarkoutKind::CONTROL) {
    drift.observe(move_bps, shard.log_ns, impact);
    return;
  }
  book.dirty_execution |= std::uint64_t{1} << markout.venue;
  Evidence& evidence = shard.books.teach(markout.instrument, markout.venue);
  const Tick& tick = shard.books.tick(markout.instrument, markout.venue);
  const std::int64_t now_ns = tick.clock.at(shard.log_ns);
  if (kind == MarkoutKind::REMOVED) {
    const double drift_bps = static_cast<double>(markout.sign) * drift.mean();
    evidence.removed[index].observe(move_bps - drift_bps, now_ns, impact);
  } else if (kind == MarkoutKind::MID) {
    evidence.mid[index].observe(-move_bps, now_ns, impact);
  } else {
    evidence.added[index].observe(-move_bps, now_ns, impact);
    const std::int64_t earned = 2 * markout.sign * (mid_x2 - 2 * markout.price_nanos);
    evidence.realised[index].observe(bps(earned, markout.mid_x2), now_ns, impact);
  }
}

}  // namespace

void start_fill(Shard& shard, std::uint32_t instrument, std::uint8_t venue, std::int8_t sign,
                std::uint8_t liquidity, std::int64_t price_nanos) {
  const std::optional<MarkoutKind> kind = kind_of(liquidity);
  if (!kind) return;
  start(shard, shard.books[instrument],
        {0, price_nanos, 0, 0, instrument, venue, number(*kind), sign});
}

void start_controls(Shard& shard) {
  for (std::uint32_t instrument = 0; instrument < shard.books.size(); ++instrument) {
    const Book& book = shard.books[instrument];
    if (book.open_children != 0 || valid_mid(shard, book) == 0) continue;
    start(shard, book, {0, 0, 0, 0, instrument, kVenueNone, number(MarkoutKind::CONTROL), 1});
  }
}

void settle(Shard& shard, std::uint64_t subject) {
  const std::uint64_t markout_id = subject / kHorizons;
  const std::size_t index = subject % kHorizons;
  const Markout* const found = shard.markouts.find(markout_id);
  if (found == nullptr) return;
  const Markout markout = *found;
  if (index == kHorizons - 1) shard.markouts.remove(markout_id);
  Book& book = shard.books[markout.instrument];
  if (markout.kind == number(MarkoutKind::CONTROL)) {
    if (book.open_children != 0 || book.fill_ns >= markout.start_ns) {
      drop(shard, markout, MarkoutDrop::OWN_ORDER);
      return;
    }
  } else if (!is_trading(shard, book, markout.venue)) {
    drop(shard, markout, MarkoutDrop::NOT_TRADING);
    return;
  }
  const std::int64_t mid_x2 = valid_mid(shard, book);
  if (mid_x2 != 0) {
    observe(shard, book, markout, index, mid_x2);
  } else {
    drop(shard, markout, MarkoutDrop::STALE_MID);
  }
}

void foresee(const Shard& shard, std::uint64_t subject, bool soon) {
  const std::uint64_t markout_id = subject / kHorizons;
  if (!soon) {
    shard.markouts.prefetch(markout_id);
    return;
  }
  const Markout* const found = shard.markouts.find(markout_id);
  if (found == nullptr) return;
  shard.books.prefetch_markout(found->instrument, found->venue, subject % kHorizons);
}

std::int64_t valid_mid(const Shard& shard, const Book& book) {
  return shard.log_ns - book.mid_ns > shard.tables.settings().mid_age_ns ? 0 : book.mid_x2;
}

}  // namespace venuefold::markouts

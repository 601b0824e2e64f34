#include "candidates.hpp"

#include "beliefs.hpp"

namespace venuefold {
namespace {

constexpr std::uint8_t kTakeBit = 1 << number(Liquidity::TAKE);

// What all candidates of one decision share, by value. Masks have a bit for each dense venue id.
struct View {
  const Order& order;
  std::int64_t sign;
  std::size_t side;
  std::int64_t limit_nanos;
  std::int64_t now_ns;
  std::int64_t stale_ns;
  std::size_t max_levels;
  std::int64_t ticket_nanos;
  bool use_hidden;
  std::uint64_t allowed;
  std::uint64_t permitted;
  std::uint64_t killed;
  std::uint64_t self_help;
  std::uint64_t held;
  std::uint64_t open;
  std::uint64_t well;
  std::uint64_t unreflected;
  // Venues with a fee schedule.
  std::uint64_t scheduled;
  // Kept out by nobody's word, of a known fee and good health: only their quote decides.
  std::uint64_t plain;
};

// Venues whose health keeps nobody away, where the settings have it checked.
std::uint64_t well_venues(const Shard& shard, const Policy& policy) {
  if (shard.tables.settings().health_ns == 0) return ~std::uint64_t{0};
  return policy.allow_degraded != 0 ? shard.venues.up | shard.venues.degraded : shard.venues.up;
}

View view_of(Shard& shard, const Order& order, const Policy& policy) {
  const Tables& tables = shard.tables;
  const Book& book = shard.books[order.record.instrument];
  const std::uint64_t listed = order.record.venues_allowed;
  View view{
      .order = order,
      .sign = order.sign(),
      .side = order.side_index(),
      .limit_nanos = order.limit_nanos,
      .now_ns = shard.log_ns,
      .stale_ns = policy.stale_ns,
      .max_levels = policy.max_levels,
      .ticket_nanos = policy.ticket_nanos,
      .use_hidden = policy.use_hidden != 0,
      .allowed = (listed != 0 ? listed : ~std::uint64_t{0}) & ~order.record.venues_banned,
      .permitted = shard.accounts.permitted(order.record.account),
      .killed = tables.killed(),
      .self_help = tables.self_help(),
      .held = tables.held(shard.log_ns),
      .open = tables.open() & book.open,
      .well = well_venues(shard, policy),
      .unreflected = book.unreflected,
      .scheduled = tables.fees().venues(),
      .plain = 0,
  };
  view.plain = view.allowed & view.permitted & ~view.killed & ~view.self_help & ~view.held &
               view.open & view.well & book.take_known;
  return view;
}

// The schedule's line for taking, where there is one.
const FeeTier* line_of(const View& view, std::uint8_t venue, const Shard& shard) {
  const Fees& fees = shard.tables.fees();
  if ((fees.venues() >> venue & 1) == 0) return nullptr;
  const NewOrder& record = view.order.record;
  return fees.find(venue, Account(record.account), record.instrument, number(Liquidity::TAKE));
}

struct Exclusion {
  Reason reason = Reason::NONE;
  std::int64_t value = 0;
};

// Somebody's word, or a session.
Exclusion forbidden(const View& view, const Candidate& candidate, const Shard& shard) {
  const Tables& tables = shard.tables;
  const std::uint8_t venue = candidate.venue;
  if ((view.permitted >> venue & 1) == 0) return {Reason::NOT_PERMITTED, venue};
  if ((view.allowed >> venue & 1) == 0) return {Reason::NOT_ALLOWED, venue};
  if ((view.killed >> venue & 1) != 0) return {Reason::VENUE_KILLED, venue};
  if ((view.self_help >> venue & 1) != 0) return {Reason::SELF_HELP, venue};
  if ((view.held >> venue & 1) != 0) {
    return {Reason::RATE_LIMITED, tables.venue(venue).hold_until_ns - view.now_ns};
  }
  if ((view.open >> venue & 1) == 0) {
    const bool whole = (tables.open() >> venue & 1) == 0;
    return {Reason::VENUE_NOT_OPEN,
            whole ? tables.venue(venue).status : candidate.terms->status};
  }
  return {};
}

// What the quote itself says.
[[gnu::always_inline]] inline Exclusion unquoted(const View& view, const Candidate& candidate,
                                                 const Tick& tick) {
  if (tick.touch[1 - view.side].units == 0) return {Reason::NO_QUOTE, 0};
  if (candidate.age_ns > view.stale_ns) return {Reason::STALE_QUOTE, candidate.age_ns};
  const std::int64_t bid = tick.touch[0].nanos;
  const std::int64_t ask = tick.touch[1].nanos;
  if (0 < ask && ask < bid) return {Reason::CROSSED_BOOK, bid - ask};
  const std::uint64_t visited = view.order.visited_seq(candidate.venue);
  if (visited >= tick.quote_seq) {
    return {Reason::ALREADY_VISITED, static_cast<std::int64_t>(visited)};
  }
  return {};
}

// First reason, in the order of the codes, that keeps a venue out before pricing.
[[gnu::always_inline]] inline Exclusion exclusion(const View& view, const Candidate& candidate,
                                                  const Tick& tick, const Shard& shard) {
  const std::uint8_t venue = candidate.venue;
  if ((view.plain >> venue & 1) != 0) [[likely]] return unquoted(view, candidate, tick);
  Exclusion verdict = forbidden(view, candidate, shard);
  if (verdict.reason == Reason::NONE) verdict = unquoted(view, candidate, tick);
  if (verdict.reason != Reason::NONE) return verdict;
  if ((candidate.terms->fee_known & kTakeBit) == 0 && line_of(view, venue, shard) == nullptr) {
    return {Reason::FEE_UNKNOWN, 0};
  }
  if ((view.well >> venue & 1) == 0) {
    return {Reason::VENUE_HEALTH, number(shard.venues[venue].health)};
  }
  return {};
}

// Copies levels within the limit, each strictly worse than the one before.
template <std::int64_t Sign>
class Taker {
 public:
  Taker(Candidate& candidate, std::int64_t limit_nanos)
      : next_(candidate.levels.data()), limit_(Sign * limit_nanos) {}

  // False once a level ends the book.
  bool take(const Level* levels, std::size_t count) {
    for (const Level* level = levels; level != levels + count; ++level) {
      const std::int64_t price = Sign * level->nanos;
      if (level->units == 0 || price > limit_ || price <= previous_) return false;
      previous_ = price;
      *next_++ = {level->nanos, level->units, level->units};
      total_ += level->units;
      size_bits_ |= level->units;
    }
    return true;
  }
  void finish(Candidate& candidate) const {
    candidate.levels_count = static_cast<std::uint8_t>(next_ - candidate.levels.data());
    candidate.available_units = total_;
    candidate.size_bits = size_bits_;
  }

 private:
  Offer* next_;
  std::int64_t limit_;
  std::int64_t previous_ = -kInt64Max;
  std::int64_t total_ = 0;
  std::int64_t size_bits_ = 0;
};

constexpr std::size_t kUsualLevels = 1 + Deep::kNear;

// Whether all near levels offer something within the limit, each worse than the one before. Every
// term below is negative where that does not hold, and one sign bit tells of all of them.
template <std::int64_t Sign>
bool takes_all_near(const Level& touch, const Level (&near)[Deep::kNear],
                    std::int64_t limit_nanos) {
  std::int64_t bad = Sign * (limit_nanos - near[Deep::kNear - 1].nanos);
  std::int64_t before = touch.nanos;
  for (const Level& level : near) {
    bad |= (Sign * (level.nanos - before) - 1) | (level.units - 1);
    before = level.nanos;
  }
  return bad >= 0;
}

// The touch and all near levels, without a question between them.
void take_all_near(Candidate& candidate, const Level& touch, const Level (&near)[Deep::kNear]) {
  candidate.levels[0] = {touch.nanos, touch.units, touch.units};
  std::int64_t total = touch.units;
  std::int64_t size_bits = touch.units;
  for (std::size_t l = 0; l < Deep::kNear; ++l) {
    candidate.levels[l + 1] = {near[l].nanos, near[l].units, near[l].units};
    total += near[l].units;
    size_bits |= near[l].units;
  }
  candidate.levels_count = kUsualLevels;
  candidate.available_units = total;
  candidate.size_bits = size_bits;
}

// The touch is within the limit.
template <std::int64_t Sign>
void take_levels(const View& view, Candidate& candidate, const Tick& tick, const Deep& deep) {
  constexpr std::size_t far_side = Sign > 0 ? 1 : 0;
  const Level& touch = tick.touch[far_side];
  const auto& near = deep.near[far_side];
  if (view.max_levels == kUsualLevels && takes_all_near<Sign>(touch, near, view.limit_nanos)) {
    take_all_near(candidate, touch, near);
    return;
  }
  const std::size_t below = view.max_levels - std::size_t{1};
  const std::size_t close = std::min(below, Deep::kNear);
  Taker<Sign> taker(candidate, view.limit_nanos);
  if (taker.take(&touch, 1) && taker.take(near, close)) {
    taker.take(deep.far[far_side], below - close);
  }
  taker.finish(candidate);
}

// What is ours in flight or not yet seen to be gone is not there: the best levels lose it first.
void net_own(Candidate& candidate) {
  std::int64_t own = candidate.own_units;
  for (std::size_t l = 0; own > 0 && l < candidate.levels_count; ++l) {
    const std::int64_t netted = std::min(own, candidate.levels[l].units);
    candidate.levels[l].available_units -= netted;
    candidate.available_units -= netted;
    own -= netted;
  }
}

// What the venue takes per whole one, from its schedule or its row.
[[gnu::always_inline]] inline void charge_fee(const View& view, Candidate& candidate,
                                              std::int64_t touch_nanos, const Shard& shard) {
  const Terms& terms = *candidate.terms;
  candidate.fee = {terms.take_fixed_nanos, terms.take_rate_e9};
  candidate.bounds = nullptr;
  if ((view.scheduled >> candidate.venue & 1) != 0) [[unlikely]] {
    const FeeTier* const line = line_of(view, candidate.venue, shard);
    if (line != nullptr) {
      candidate.fee = terms_at(*line, touch_nanos);
      candidate.bounds = bounds_of(line);
    }
  }
  candidate.touch_fee_nanos = candidate.fee_nanos(touch_nanos);
}

void add_hidden(const View& view, Candidate& candidate, std::int64_t now_ns,
                const Shard& shard) {
  const Evidence& evidence =
      shard.books.evidence(view.order.record.instrument, candidate.venue);
  candidate.hidden_units = hidden_units(evidence, now_ns, shard.tables);
  if (candidate.hidden_units == 0 || candidate.levels_count == 0) return;
  candidate.levels[0].available_units += candidate.hidden_units;
  candidate.available_units += candidate.hidden_units;
}

// Fills in levels and quality values; excludes a venue with nothing to offer.
template <std::int64_t Sign>
[[gnu::always_inline]] inline Exclusion price(const View& view, Book& book,
                                              Candidate& candidate, const Tick& tick,
                                              const Deep& deep, Shard& shard) {
  constexpr std::size_t side = Sign > 0 ? 0 : 1;
  const Terms& terms = *candidate.terms;
  const std::int64_t touch = tick.touch[1 - side].nanos;
  if (Sign * touch > Sign * view.limit_nanos) return {Reason::BEYOND_LIMIT, touch};
  // At most 8192 open parents of 1e15 units in flight and 1e18 unreflected: inside 64 bits.
  candidate.own_units = terms.in_flight[side];
  if ((view.unreflected >> candidate.venue & 1) != 0) {
    candidate.own_units += terms.unreflected[side];
  }
  const std::int64_t now_ns = tick.clock.at(view.now_ns);
  believe(shard, book, candidate, now_ns);
  candidate.impact_nanos = 0;
  candidate.balance_nanos = 0;
  candidate.ticket_nanos = terms.ticket_nanos + view.ticket_nanos;
  charge_fee(view, candidate, touch, shard);
  take_levels<Sign>(view, candidate, tick, deep);
  if (candidate.own_units > 0) net_own(candidate);
  candidate.hidden_units = 0;
  if (view.use_hidden) [[unlikely]] add_hidden(view, candidate, now_ns, shard);
  if (candidate.available_units == 0) return {Reason::NOTHING_AVAILABLE, candidate.own_units};
  if (candidate.available_units < std::max(terms.lot_units, terms.min_units)) {
    return {Reason::BELOW_LOT, candidate.available_units};
  }
  return {Reason::NONE, touch};
}

// All listed venues in venue-key order, for one side of the market.
template <std::int64_t Sign>
void gather_side(Shard& shard, const View& view, Candidates& found) {
  const std::uint32_t instrument = view.order.record.instrument;
  Book& book = shard.books[instrument];
  const Books::Ladder rows = shard.books.rows(instrument);
  Candidate* candidate = found.list.data();
  std::uint64_t bit = 1;
  std::uint64_t eligible = 0;
  bool self_help = false;
  std::int64_t tickets = 0;
  std::int64_t lots_any = 0;
  std::int64_t lots_all = -1;
  for (const std::uint8_t venue : shard.tables.rank_order()) {
    if ((book.listed >> venue & 1) == 0) continue;
    const Tick& tick = rows.ticks[venue];
    candidate->venue = venue;
    candidate->levels_count = 0;
    candidate->missed_nanos = candidate->least_units = candidate->inventory_units = 0;
    candidate->modelled = book.modelled >> venue & 1;
    candidate->age_ns = view.now_ns - tick.quote_ns;
    candidate->terms = &rows.terms[venue];
    Exclusion verdict = exclusion(view, *candidate, tick, shard);
    if (verdict.reason == Reason::NONE) {
      verdict = price<Sign>(view, book, *candidate, tick, rows.deep[venue], shard);
    }
    candidate->reason = verdict.reason;
    candidate->value = verdict.value;
    if (verdict.reason == Reason::NONE) [[likely]] {
      eligible |= bit;
      tickets |= candidate->ticket_nanos | std::int64_t{candidate->bounds != nullptr};
      lots_any |= candidate->terms->lot_units;
      lots_all &= candidate->terms->lot_units;
    }
    self_help |= verdict.reason == Reason::SELF_HELP;
    bit <<= 1;
    ++candidate;
  }
  found.eligible = eligible;
  found.has_self_help = self_help;
  found.has_tickets = tickets != 0;
  found.has_unequal_lots = eligible != 0 && lots_any != lots_all;
  found.count = static_cast<std::size_t>(candidate - found.list.data());
}

}  // namespace

void gather(Shard& shard, const Order& order, const Policy& policy, Candidates& found) {
  const View view = view_of(shard, order, policy);
  shard.venues.follow_priors(view.now_ns, shard.tables);
  view.sign > 0 ? gather_side<1>(shard, view, found) : gather_side<-1>(shard, view, found);
}

}  // namespace venuefold

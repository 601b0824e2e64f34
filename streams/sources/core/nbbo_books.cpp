#include "nbbo_books.hpp"

#include <algorithm>
#include <utility>

namespace venuefold {
namespace {

constexpr int kBid = 0;
constexpr int kAsk = 1;
constexpr std::uint8_t kQuoteType = 1;
constexpr std::uint8_t kModelledFlag[2] = {0x20, 0x40};

// +1 on the bid side, -1 on the ask side: a larger sign * price is a better quote.
constexpr std::int64_t sign_of(int side) { return side == kBid ? 1 : -1; }

}  // namespace

void UsualSize::add(std::int64_t units, std::size_t memory) {
  if (sizes_.size() < memory) {
    sizes_.push_back(units);
  } else {
    sizes_[next_] = units;
    next_ = (next_ + 1) % memory;
  }
}

std::int64_t UsualSize::median(std::int64_t otherwise) const {
  if (sizes_.empty()) return otherwise;
  std::vector<std::int64_t> sorted = sizes_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>((sorted.size() - 1) / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return *middle;
}

NbboBooks::NbboBooks(const BookSettings& settings)
    : settings_(settings), books_(static_cast<std::size_t>(settings.venues)) {}

void NbboBooks::on_best(const BestRow& row) {
  name_best(kBid, {row.bid_nanos, row.bid_units, row.bid_venue});
  name_best(kAsk, {row.ask_nanos, row.ask_units, row.ask_venue});
  model_others(kBid);
  model_others(kAsk);
  emit_changed(row.log_ns);
}

void NbboBooks::on_print(const PrintRow& row) {
  const Best& bid = best_[kBid];
  const Best& ask = best_[kAsk];
  if (bid.venue < 0 || ask.venue < 0 || bid.nanos >= ask.nanos) return;
  if (row.price_nanos > bid.nanos && row.price_nanos < ask.nanos) return;
  const int side = row.price_nanos >= ask.nanos ? kAsk : kBid;
  const std::int64_t behind = sign_of(side) * (best_[side].nanos - row.price_nanos);
  if (row.venue == best_[side].venue || row.price_nanos % settings_.tick_nanos != 0 ||
      behind > settings_.max_lag_ticks * settings_.tick_nanos) {
    return;
  }
  VenueBook& book = books_[static_cast<std::size_t>(row.venue)];
  const Level& level = book.level[side];
  if (level.units == 0 || level.nanos != row.price_nanos) {
    place_behind(book, side, row.price_nanos, 0);
  } else if (level.units > row.units) {
    set(book, side, {level.nanos, level.units - row.units, true});
  } else {
    place_behind(book, side, row.price_nanos, settings_.step_back_ticks);
  }
  emit_changed(row.log_ns);
}

void NbboBooks::close(std::int64_t log_ns) {
  for (VenueBook& book : books_) {
    set(book, kBid, {});
    set(book, kAsk, {});
  }
  emit_changed(log_ns);
}

std::vector<Quote> NbboBooks::take_quotes() { return std::move(quotes_); }

void NbboBooks::set(VenueBook& book, int side, const Level& level) {
  if (book.level[side] == level) return;
  book.level[side] = level;
  book.is_changed = true;
}

void NbboBooks::name_best(int side, const Best& best) {
  if (best == best_[side]) return;
  best_[side] = best;
  if (best.venue < 0) return;
  VenueBook& book = books_[static_cast<std::size_t>(best.venue)];
  book.usual[side].add(best.units, settings_.size_memory);
  set(book, side, {best.nanos, best.units, false});
}

// Every venue that is not named: no better than the best, no further behind than the greatest lag.
void NbboBooks::model_others(int side) {
  const std::int64_t sign = sign_of(side);
  const std::int64_t nearest = nearest_modelled(side);
  const std::int64_t furthest = nearest - sign * settings_.max_lag_ticks * settings_.tick_nanos;
  for (std::size_t venue = 0; venue < books_.size(); ++venue) {
    VenueBook& book = books_[venue];
    const Level& level = book.level[side];
    if (static_cast<std::int64_t>(venue) == best_[side].venue || level.units == 0) continue;
    if (best_[side].venue < 0) {
      set(book, side, {});
    } else if (sign * level.nanos > sign * nearest) {
      place_behind(book, side, nearest, settings_.step_back_ticks);
    } else if (sign * level.nanos < sign * furthest) {
      place_behind(book, side, furthest, 0);
    } else {
      set(book, side, {level.nanos, level.units, true});
    }
  }
}

void NbboBooks::place_behind(VenueBook& book, int side, std::int64_t nanos, std::int64_t ticks) {
  const std::int64_t price = nanos - sign_of(side) * ticks * settings_.tick_nanos;
  if (price <= 0) {
    set(book, side, {});
    return;
  }
  set(book, side, {price, book.usual[side].median(settings_.round_lot_units), true});
}

// The best price a modelled quote may show: the best itself, or, when the two bests lock or cross,
// one tick inside what the other side allows.
std::int64_t NbboBooks::nearest_modelled(int side) const {
  const Best& own = best_[side];
  const Best& other = best_[1 - side];
  const std::int64_t sign = sign_of(side);
  if (other.venue < 0 || sign * own.nanos < sign * other.nanos) return own.nanos;
  return other.nanos - sign * settings_.tick_nanos;
}

void NbboBooks::emit_changed(std::int64_t log_ns) {
  for (std::size_t venue = 0; venue < books_.size(); ++venue) {
    VenueBook& book = books_[venue];
    if (!book.is_changed) continue;
    book.is_changed = false;
    Quote quote{};
    quote.type = kQuoteType;
    quote.venue = static_cast<std::uint8_t>(venue);
    quote.source = static_cast<std::uint8_t>(venue + 1);
    quote.instrument = settings_.instrument;
    quote.log_ns = log_ns;
    for (const int side : {kBid, kAsk}) {
      if (book.level[side].is_modelled) {
        quote.flags = static_cast<std::uint8_t>(quote.flags | kModelledFlag[side]);
      }
    }
    quote.bid_nanos = book.level[kBid].nanos;
    quote.bid_units = book.level[kBid].units;
    quote.ask_nanos = book.level[kAsk].nanos;
    quote.ask_units = book.level[kAsk].units;
    quotes_.push_back(quote);
  }
}

std::vector<Quote> model_books(const BookSettings& settings, const BestRow* best,
                               std::size_t best_count, const PrintRow* prints,
                               std::size_t print_count) {
  NbboBooks books(settings);
  std::size_t print = 0;
  std::int64_t last_ns = 0;
  for (std::size_t row = 0; row < best_count; ++row) {
    for (; print < print_count && prints[print].log_ns <= best[row].log_ns; ++print) {
      books.on_print(prints[print]);
    }
    books.on_best(best[row]);
    last_ns = best[row].log_ns;
  }
  for (; print < print_count; ++print) {
    books.on_print(prints[print]);
    last_ns = prints[print].log_ns;
  }
  books.close(last_ns);
  return books.take_quotes();
}

}  // namespace venuefold

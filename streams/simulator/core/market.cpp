#include "streams/simulator/core/market.hpp"

#include <algorithm>
#include <cstring>

#include "streams/simulator/core/faults.hpp"
#include "streams/simulator/core/time.hpp"

namespace venuefold {
namespace {

template <typename Record>
Record read(const std::byte* from) {
  Record record;
  std::memcpy(&record, from, sizeof(Record));
  return record;
}

bool is_market(std::uint8_t type) { return type >= kQuote && type <= kStatus; }

bool is_level(std::int64_t nanos, std::int64_t units) {
  return units >= 0 && units <= kMaxUnits && nanos >= 0 && nanos <= kMaxPriceNanos &&
         (units == 0 || nanos > 0);
}

bool is_stopped(std::uint8_t status) { return status >= kHalted && status <= kDown; }

std::string at_byte(std::size_t offset) {
  return "market record at byte " + std::to_string(offset);
}

}  // namespace

void MarketConfig::check() const {
  if (latencies.empty() || latencies.size() > static_cast<std::size_t>(kMaxVenues)) {
    throw InputFault("venue_latencies has " + std::to_string(latencies.size()) +
                     " venues; give 1 to 64");
  }
  for (std::size_t venue = 0; venue < latencies.size(); ++venue) {
    if (latencies[venue].out_ns < 0 || latencies[venue].back_ns < 0) {
      throw InputFault("venue " + std::to_string(venue) + " has a negative latency");
    }
  }
  for (std::size_t instrument = 0; instrument < units_per_one.size(); ++instrument) {
    if (units_per_one[instrument] < 1) {
      throw InputFault("units_per_one of instrument " + std::to_string(instrument) +
                       " must be at least 1");
    }
  }
  if (jitter_ns < 0) throw InputFault("jitter_ns is negative");
}

ReplayMarket::ReplayMarket(MarketConfig config) : config_(std::move(config)) {
  config_.check();
  books_.resize(config_.units_per_one.size() * config_.latencies.size());
}

void ReplayMarket::check_batch(const std::byte* records, std::size_t size) const {
  std::int64_t last_ns = now_ns_;
  for (std::size_t offset = 0; offset < size;) {
    if (size - offset < kSlot) throw InputFault(at_byte(offset) + " is cut short");
    const auto header = read<Header>(records + offset);
    const std::size_t length = kSlots[header.type] * kSlot;
    if (size - offset < length) throw InputFault(at_byte(offset) + " is cut short");
    if (header.log_ns < last_ns) {
      throw InputFault(at_byte(offset) + " is at " + std::to_string(header.log_ns) +
                       " ns, before " + std::to_string(last_ns) + " ns; give records in log order");
    }
    if (header.log_ns <= closed_ns_ && is_market(header.type)) {
      throw InputFault(at_byte(offset) + " is at " + std::to_string(header.log_ns) +
                       " ns, but reports through " + std::to_string(closed_ns_) +
                       " ns were taken; advance first");
    }
    last_ns = header.log_ns;
    offset += length;
  }
}

void ReplayMarket::advance(const std::byte* records, std::size_t size) {
  check_batch(records, size);
  for (std::size_t offset = 0; offset < size;) {
    fold(records + offset);
    offset += kSlots[std::to_integer<std::uint8_t>(records[offset])] * kSlot;
  }
}

void ReplayMarket::fold(const std::byte* record) {
  const auto header = read<Header>(record);
  if (next_due_ns_ < header.log_ns) run_through(header.log_ns - 1);
  now_ns_ = header.log_ns;
  if (header.type == kQuote) {
    fold_quote(read<Quote>(record));
  } else if (header.type == kTrade) {
    fold_trade(read<Trade>(record));
  } else if (header.type == kStatus) {
    fold_status(read<Status>(record));
  }
}

void ReplayMarket::fold_quote(const Quote& quote) {
  const auto level = static_cast<std::size_t>(quote.flags & kLevelMask);
  if (!knows(quote.instrument, quote.venue) || level >= kMaxLevels ||
      !is_level(quote.bid_nanos, quote.bid_units) || !is_level(quote.ask_nanos, quote.ask_units)) {
    ++ignored_;
    return;
  }
  Book& book = book_at(quote.instrument, quote.venue);
  book.sides[kBid][level] = {quote.bid_units == 0 ? 0 : quote.bid_nanos, quote.bid_units};
  book.sides[kAsk][level] = {quote.ask_units == 0 ? 0 : quote.ask_nanos, quote.ask_units};
  // Only a whole update is compared with what we took: halfway through one, prices seem to leave.
  if (book.watch == 0 || (quote.flags & kMore) != 0) return;
  Watch& watch = watch_at(book);
  watch.taken[kBid].reflect(book.sides[kBid], kBid);
  watch.taken[kAsk].reflect(book.sides[kAsk], kAsk);
  if (is_trading(quote.instrument, quote.venue)) match_quote(book, quote.log_ns);
}

void ReplayMarket::fold_trade(const Trade& trade) {
  if (!knows(trade.instrument, trade.venue) || trade.price_nanos <= 0 || trade.units <= 0 ||
      trade.price_nanos > kMaxPriceNanos || trade.units > kMaxUnits) {
    ++ignored_;
    return;
  }
  constexpr std::uint32_t kContinuous = kRegular | kIso;
  constexpr std::uint32_t kIneligible = kOffExchange | kAuctionPrint | kCross | kExtendedHours |
                                        kOutOfSequence | kDerivedPrice | kSuspicious;
  Book& book = book_at(trade.instrument, trade.venue);
  if (book.watch == 0 || (trade.conditions & kContinuous) == 0 ||
      (trade.conditions & kIneligible) != 0 || !is_trading(trade.instrument, trade.venue)) {
    return;
  }
  match_print(watch_at(book), trade);
}

void ReplayMarket::fold_status(const Status& status) {
  const bool is_whole_venue = status.instrument == kInstrumentNone;
  if (status.status < kOpen || status.status > kDown || status.venue >= config_.latencies.size() ||
      (!is_whole_venue && status.instrument >= config_.units_per_one.size())) {
    ++ignored_;
    return;
  }
  const std::uint32_t from = is_whole_venue ? 0 : status.instrument;
  const auto all = static_cast<std::uint32_t>(config_.units_per_one.size());
  const std::uint32_t to = is_whole_venue ? all : status.instrument + 1;
  if (is_whole_venue) {
    venue_status_[status.venue] = status.status;
  } else {
    book_at(status.instrument, status.venue).status = status.status;
  }
  if (!is_stopped(status.status)) return;
  // A venue that stops shows nothing that can be traded until it quotes again.
  for (std::uint32_t instrument = from; instrument < to; ++instrument) {
    empty_book(book_at(instrument, status.venue));
    if (status.status == kClosed) expire_resting(instrument, status.venue);
  }
}

void ReplayMarket::empty_book(Book& book) {
  book.sides = {};
  if (book.watch == 0) return;
  Watch& watch = watch_at(book);
  watch.taken[kBid].clear();
  watch.taken[kAsk].clear();
}

void ReplayMarket::expire_resting(std::uint32_t instrument, std::uint8_t venue) {
  Book& book = book_at(instrument, venue);
  if (book.watch == 0) return;
  for (auto& resting : watch_at(book).resting) {
    for (Child* child : resting) end(*child, kExpired, {kVenueNotOpen, "venue closed"}, now_ns_);
    resting.clear();
  }
}

void ReplayMarket::submit(const std::byte* record, std::size_t size, std::int64_t sent_ns) {
  if (size != sizeof(ChildRecord)) {
    throw InputFault("child record has " + std::to_string(size) + " bytes, not 160");
  }
  const auto sent = read<ChildRecord>(record);
  const std::string name = "child " + std::to_string(sent.child_id);
  if (sent.type != kOutputChild || sent.size != sizeof(ChildRecord)) {
    throw InputFault("record of type " + std::to_string(sent.type) + " is not a child");
  }
  if (children_.contains(sent.child_id)) throw InputFault(name + " was submitted before");
  if (sent_ns < 0 || sent.send_delay_ns < 0) throw InputFault(name + " has a negative time");
  Child child;
  child.id = sent.child_id;
  child.units = sent.units;
  child.limit_nanos = sent.limit_nanos;
  child.min_units = sent.min_units;
  child.instrument = sent.instrument;
  child.venue = sent.venue;
  child.side = sent.side;
  child.ord_type = sent.ord_type;
  child.time_in_force = sent.time_in_force;
  child.exec_inst = sent.exec_inst;
  if (child.venue < config_.latencies.size()) {
    const auto span = static_cast<std::uint64_t>(config_.jitter_ns) + 1;
    const auto late = static_cast<std::int64_t>(keyed_random(config_.seed, child.id) % span);
    child.out_ns = add_ns(config_.latencies[child.venue].out_ns, late);
  }
  const std::int64_t at_ns = add_ns(add_ns(sent_ns, sent.send_delay_ns), child.out_ns);
  schedule({at_ns, due_created_ + 1, child.id, child.instrument, child.venue});
  children_.emplace(child.id, child);
  ++live_;
}

void ReplayMarket::schedule(const Due& due) {
  if (due.at_ns < now_ns_) {
    throw InputFault("child " + std::to_string(due.child_id) + " would arrive at " +
                     std::to_string(due.at_ns) + " ns, but the market is at " +
                     std::to_string(now_ns_) + " ns; submit before advancing");
  }
  due_.insert(due);
  ++due_created_;
  next_due_ns_ = due_.begin()->at_ns;
}

void ReplayMarket::run_through(std::int64_t last_ns) {
  while (!due_.empty() && due_.begin()->at_ns <= last_ns) {
    const Due due = *due_.begin();
    due_.erase(due_.begin());
    now_ns_ = due.at_ns;
    if (due.asks == Asks::kArrival) {
      arrive(children_.at(due.child_id), due.at_ns);
    } else {
      arrive_request(due);
    }
  }
  next_due_ns_ = due_.empty() ? kNever : due_.begin()->at_ns;
}

// A sender that has not yet read a child's last report may still cancel it; one that reads a later
// report has read it.
void ReplayMarket::forget_told(std::int64_t before_ns) {
  while (!told_.empty() && told_.front().log_ns < before_ns) {
    children_.erase(told_.front().child_id);
    told_.pop_front();
  }
}

std::vector<ExecReport> ReplayMarket::pop_reports(std::int64_t until_ns) {
  forget_told(until_ns);
  if (until_ns >= now_ns_) {
    run_through(until_ns);
    now_ns_ = closed_ns_ = until_ns;
  }
  std::vector<ExecReport> taken;
  while (reports_.is_due(until_ns)) {
    const Scheduled next = reports_.pop();
    if (next.is_last) told_.push_back({next.record.log_ns, next.record.child_id});
    taken.push_back(next.record);
  }
  return taken;
}

std::int64_t ReplayMarket::certain_feedback_ns() const {
  std::int64_t earliest_ns = reports_.next_ns();
  for (const Due& due : due_) {
    earliest_ns = std::min(earliest_ns, add_ns(due.at_ns, back_ns(due.venue)));
  }
  return earliest_ns;
}

std::int64_t ReplayMarket::earliest_feedback_ns() const {
  std::int64_t earliest_ns = certain_feedback_ns();
  const std::int64_t next_ns = closed_ns_ < now_ns_ ? now_ns_ : add_ns(now_ns_, 1);
  for (std::size_t venue = 0; venue < config_.latencies.size(); ++venue) {
    if (resting_at_[venue] == 0) continue;
    earliest_ns = std::min(earliest_ns, add_ns(next_ns, config_.latencies[venue].back_ns));
  }
  return earliest_ns;
}

std::int64_t ReplayMarket::back_ns(std::uint8_t venue) const {
  return venue < config_.latencies.size() ? config_.latencies[venue].back_ns : 0;
}

bool ReplayMarket::knows(std::uint32_t instrument, std::uint8_t venue) const {
  return venue < config_.latencies.size() && instrument < config_.units_per_one.size();
}

Book& ReplayMarket::book_at(std::uint32_t instrument, std::uint8_t venue) {
  return books_[instrument * config_.latencies.size() + venue];
}

Watch& ReplayMarket::watch_at(Book& book) {
  if (book.watch == 0) {
    watches_.emplace_back();
    book.watch = static_cast<std::uint32_t>(watches_.size());
  }
  return watches_[book.watch - 1];
}

bool ReplayMarket::is_trading(std::uint32_t instrument, std::uint8_t venue) const {
  const std::size_t at = instrument * config_.latencies.size() + venue;
  return !is_stopped(venue_status_[venue]) && !is_stopped(books_[at].status);
}

}  // namespace venuefold

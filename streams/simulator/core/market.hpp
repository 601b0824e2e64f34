// The fill simulator: a deterministic fold over (market records, child orders).
//
// Time. A record at t is applied after every arrival before t; an arrival at t therefore meets the
// book after all records with log_ns <= t. Arrivals of one instant run in the order in which they
// were handed in, children and cancels alike. `pop_reports(u)` says that the market is complete
// through u: arrivals at or before u run, and a later market record at or before u is a fault.
//
// Books. A level offers what is displayed less what our earlier fills took (consumption.hpp).
//
// Resting children fill in price, then arrival order. `traded_through`: an eligible print strictly
// through the price fills up to the printed size, a quote that moves strictly through it fills up
// to the size newly offered there. `queue_depleted`: that, and prints at the price itself once they
// have worked off the size that was displayed when the child joined. Both share a print's volume.
#pragma once

#include <array>
#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "streams/simulator/core/child.hpp"
#include "streams/simulator/core/consumption.hpp"
#include "streams/simulator/core/fees.hpp"
#include "streams/simulator/core/reports.hpp"

namespace venuefold {

class Reader;
class Writer;

struct Latency {
  std::int64_t out_ns = 0;
  std::int64_t back_ns = 0;
};

enum class PassiveModel : std::uint8_t { kTradedThrough = 1, kQueueDepleted = 2 };

struct MarketConfig {
  std::vector<Latency> latencies;           // by dense venue
  std::vector<std::int64_t> units_per_one;  // by dense instrument
  FeeTable fees;
  PassiveModel model;
  std::uint64_t seed;
  std::uint8_t report_source;
  std::int64_t jitter_ns;  // a child's way out takes up to this much longer

  void check() const;
  std::uint64_t digest() const;
};

// What reaches a venue.
enum class Asks : std::uint8_t { kArrival = 0, kCancel = 1, kReplace = 2, kStatus = 3 };

// A child, or what is asked of one, on its way to a venue; new terms only where it is a replace.
struct Due {
  std::int64_t at_ns = 0;
  std::uint64_t order = 0;
  std::uint64_t child_id = 0;
  std::uint32_t instrument = 0;
  std::uint8_t venue = 0;
  Asks asks = Asks::kArrival;
  std::int64_t units = 0;
  std::int64_t limit_nanos = 0;

  bool operator<(const Due& other) const {
    return std::tie(at_ns, order) < std::tie(other.at_ns, other.order);
  }
};

// What we have at a book: consumed levels and resting children, best price first.
struct Watch {
  std::array<Consumption, 2> taken;
  std::array<std::vector<Child*>, 2> resting;
};

struct Told {
  std::int64_t log_ns = 0;
  std::uint64_t child_id = 0;
};

struct Refusal {
  Reason reason = kNoReason;
  const char* text = "";
};

// Says in a report why something was refused.
void explain(ExecReport& report, const Refusal& why);

class ReplayMarket {
 public:
  explicit ReplayMarket(MarketConfig config);
  ReplayMarket(const ReplayMarket&) = delete;
  ReplayMarket& operator=(const ReplayMarket&) = delete;
  ReplayMarket& operator=(ReplayMarket&&) = default;

  void advance(const std::byte* records, std::size_t size);
  void submit(const std::byte* record, std::size_t size, std::int64_t sent_ns);
  void cancel(std::uint64_t child_id, std::int64_t sent_ns);
  void replace(std::uint64_t child_id, std::int64_t units, std::int64_t limit_nanos,
               std::int64_t sent_ns);
  void query(std::uint64_t child_id, std::int64_t sent_ns);
  std::vector<ExecReport> pop_reports(std::int64_t until_ns);

  std::int64_t now_ns() const { return now_ns_; }
  std::int64_t next_report_ns() const { return reports_.next_ns(); }
  std::int64_t certain_feedback_ns() const;
  std::int64_t earliest_feedback_ns() const;
  std::uint64_t live_children() const { return live_; }
  std::uint64_t records_ignored() const { return ignored_; }

  std::vector<std::byte> state_bytes() const;
  void restore(const std::byte* state, std::size_t size);

 private:
  // market.cpp: time and the fold of the recorded market
  void check_batch(const std::byte* records, std::size_t size) const;
  void fold(const std::byte* record);
  void fold_quote(const Quote& quote);
  void fold_trade(const Trade& trade);
  void fold_status(const Status& status);
  void run_through(std::int64_t last_ns);
  void schedule(const Due& due);
  void forget_told(std::int64_t before_ns);
  std::int64_t back_ns(std::uint8_t venue) const;
  bool knows(std::uint32_t instrument, std::uint8_t venue) const;
  Book& book_at(std::uint32_t instrument, std::uint8_t venue);
  Watch& watch_at(Book& book);
  bool is_trading(std::uint32_t instrument, std::uint8_t venue) const;
  void empty_book(Book& book);
  void expire_resting(std::uint32_t instrument, std::uint8_t venue);

  // matching.cpp: what happens to a child
  void arrive(Child& child, std::int64_t at_ns);
  Refusal refusal(const Child& child);
  Refusal refusal_of_terms(const Child& child) const;
  std::int64_t takeable_units(const Child& child);
  void take(Child& child, std::int64_t at_ns);
  void rest(Child& child);
  void join_queue(Child& child);
  void enlist(Child& child);
  void leave_book(Child& child);
  void match_print(Watch& watch, const Trade& trade);
  void match_quote(Book& book, std::int64_t at_ns);
  std::int64_t share_of_print(Child& child, std::int64_t nanos, std::int64_t units) const;
  void fill(Child& child, std::int64_t nanos, std::int64_t units, Liquidity liquidity,
            std::int64_t at_ns);
  void finish(Child& child);
  void end(Child& child, ExecType type, const Refusal& why, std::int64_t at_ns);
  ExecReport report_of(const Child& child, ExecType type, std::int64_t at_ns) const;

  // requests.cpp: what is asked of a child that was submitted
  void ask(Due due, std::int64_t sent_ns);
  void arrive_request(const Due& due);
  void arrive_cancel(const Due& due);
  void arrive_replace(const Due& due);
  void arrive_query(const Due& due);
  Refusal refusal_of_replace(const Child& child, const Due& due);
  void refuse_request(const Due& due, ExecType type, const Refusal& why);

  // state.cpp: canonical bytes and back
  void write_books(Writer& out) const;
  void read_state(Reader& in);
  void read_books(Reader& in);
  void read_children(Reader& in);

  MarketConfig config_;
  std::vector<Book> books_;  // [instrument][venue]
  std::vector<Watch> watches_;
  std::array<std::uint8_t, kMaxVenues> venue_status_{};
  std::array<std::uint64_t, kMaxVenues> resting_at_{};
  std::map<std::uint64_t, Child> children_;
  std::deque<Told> told_;  // children whose last report was taken, still known for late cancels
  std::set<Due> due_;
  ReportQueue reports_;
  std::int64_t now_ns_ = 0;
  std::int64_t closed_ns_ = -1;  // the market is complete through this time
  std::int64_t next_due_ns_ = kNever;
  std::uint64_t live_ = 0;
  std::uint64_t ignored_ = 0;
  std::uint64_t due_created_ = 0;
  std::uint64_t rests_ = 0;
  std::uint64_t trades_ = 0;
};

}  // namespace venuefold

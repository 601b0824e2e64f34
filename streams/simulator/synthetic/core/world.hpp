// The synthetic market: an event simulation of venues that differ, of a price that some know first,
// and of our own children, which trade in it.
//
// Time. Events run in (time, creation) order. What happens at a venue at t reaches the router at
// t + the venue's feed or report latency, so a record handed out with log_ns = x is final once
// every
// event through x has run: `pull` runs exactly those. A child sent at t arrives after t, hence
// nothing that was handed out can be changed by the answer to it.
//
// Price. Each instrument has a value in 1/256 tick. It diffuses, and it jumps; traders who know of
// a
// jump hit quotes that have not moved yet, and each venue follows after its own lag. Parents may be
// informed too. Every execution moves the value by its footprint.
#pragma once

#include <array>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "streams/simulator/core/child.hpp"
#include "streams/simulator/synthetic/core/chance.hpp"
#include "streams/simulator/synthetic/core/outbox.hpp"
#include "streams/simulator/synthetic/core/params.hpp"

namespace venuefold::synthetic {

constexpr int kDepth = 5;
constexpr std::int64_t kSub = 256;  // parts of a tick
constexpr std::int64_t kMs = 1'000'000;
constexpr std::uint32_t kNoParent = 0xFFFFFFFFu;

enum class EventKind : std::uint32_t {
  kMove, kRequote, kTrade, kInformed, kFade, kArrive, kCancel, kReplace, kRegime, kBurst, kHalt,
  kReopen, kHeartbeat, kSession, kFaultStart, kFaultEnd, kParent, kAlpha, kClean, kUnsolicited,
  kQuery
};

struct Event {
  std::int64_t at_ns;
  std::uint64_t order;
  EventKind kind;
  std::uint32_t place;  // instrument, book, venue, fault or parent, by kind
  std::int64_t value;   // child id, sign or what else the kind needs
};

struct Side {
  std::array<std::int64_t, kDepth> nanos{};
  std::array<std::int64_t, kDepth> units{};
};

struct LadderBook {
  std::array<Side, 2> sides;
  std::int64_t swept_ns[2] = {-1, -1};  // when somebody last swept this side elsewhere
  std::uint64_t quotes = 0;
};

struct Market {
  std::int64_t value = 0;
  std::int64_t last_sign = 1;
  std::uint64_t moves = 0;
  std::uint64_t trades = 0;
  std::uint64_t halts = 0;
  std::int64_t status = kOpen;
};

struct Order {
  ChildRecord record;
  std::int64_t cum_units = 0;
  std::int64_t queue_units = 0;
  std::int64_t told_units = 0;
  std::uint32_t parent = kNoParent;
  std::uint32_t resting = 0;
  // What its luck is drawn with: the same for a parent's n-th child at a venue, whoever routes it.
  std::uint64_t luck = 0;
  BookSide side() const { return record.side == kBuy ? kBid : kAsk; }
  std::int64_t leaves() const { return record.units - cum_units; }
};

struct Ended {
  std::int64_t cum_units;
  std::uint32_t venue;
  std::uint32_t instrument;
};

struct Asked {
  std::int64_t units;
  std::int64_t nanos;
};

class World {
 public:
  World(const Globals& globals, std::vector<InstrumentTerms> instruments,
        std::vector<VenueTerms> venues, std::vector<Fault> faults);

  void add_orders(const std::byte* records, std::size_t size);
  void pull(std::int64_t until_ns, std::size_t most_bytes, std::vector<std::byte>& to);
  void submit(const std::byte* record, std::size_t size, std::int64_t sent_ns);
  void cancel(std::uint64_t child_id, std::int64_t sent_ns);
  void replace(std::uint64_t child_id, std::int64_t units, std::int64_t nanos,
      std::int64_t sent_ns);
  void query(std::uint64_t child_id, std::uint32_t venue, std::int64_t sent_ns);
  void inject(const Fault& fault);

  std::int64_t now_ns() const { return now_ns_; }
  std::int64_t next_record_ns() const { return outbox_.next_ns(); }
  std::int64_t shortest_out_ns() const { return shortest_out_ns_; }
  std::size_t live_children() const { return orders_.size(); }
  std::uint64_t events() const { return events_run_; }
  std::uint64_t checks() const { return checks_; }
  const std::vector<ParentResult>& results() const { return parents_; }
  const std::vector<VenueTerms>& venues() const { return venues_; }
  const std::vector<InstrumentTerms>& instruments() const { return instruments_; }

  std::vector<std::byte> state_bytes();
  void restore(const std::byte* state, std::size_t size);

  // Truth, for the evaluation only.
  const VenueTerms& soft(std::uint32_t venue) const;
  std::int64_t value_x256(std::uint32_t instrument) const { return markets_[instrument].value; }
  const LadderBook& book(std::uint32_t instrument, std::uint32_t venue) const {
    return books_[instrument * venues_.size() + venue];
  }
  std::int64_t regime() const { return regime_; }

 private:
  using Units = std::int64_t;

  // flow.cpp
  void run(const Event& event);
  void run_rare(const Event& event);
  void schedule(std::int64_t at_ns, EventKind kind, std::size_t place, std::int64_t value = 0);
  void move(std::uint32_t instrument, std::int64_t at_ns);
  void shift(std::uint32_t instrument, std::int64_t parts, std::int64_t at_ns);
  void follow(std::uint32_t instrument, std::int64_t at_ns);
  void requote(std::uint32_t book, std::int64_t at_ns, bool again);
  void draw_side(std::uint32_t book, BookSide side, std::int64_t touch, std::int64_t at_ns,
                 Side& into);
  void trade(std::uint32_t instrument, std::int64_t at_ns);
  void pick_off(std::uint32_t instrument, std::int64_t sign, std::int64_t at_ns);
  std::int64_t venue_at_best(std::uint32_t instrument, BookSide side, std::uint64_t key) const;
  Units consume(std::uint32_t book, BookSide side, Units units, std::int64_t limit_nanos,
                std::int64_t at_ns, std::int64_t sign, Order* ours);
  void fade_elsewhere(std::uint32_t book, BookSide side, double chance, std::int64_t at_ns);
  void fade(std::uint32_t book, BookSide side, std::int64_t at_ns);
  void fill_resting(std::uint32_t book, BookSide side, std::int64_t nanos, Units units,
                    std::int64_t at_ns);
  double pace(std::int64_t at_ns) const { return at_ns < burst_until_ns_
      ? globals_.burst_factor : 1; }
  std::int64_t tick(std::uint32_t book) const;
  bool is_trading(std::uint32_t book) const;
  double size_factor(std::uint64_t drawn) const;

  // session.cpp
  void halt(std::uint32_t instrument, std::int64_t at_ns);
  void reopen(std::uint32_t instrument, std::int64_t at_ns, std::int64_t status);
  void turn_venue(std::uint32_t venue, std::int64_t status, std::int64_t at_ns);
  void start_fault(std::uint32_t fault, std::int64_t at_ns);
  void end_fault(std::uint32_t fault, std::int64_t at_ns);
  bool is_on(FaultKind kind, std::uint32_t venue, std::int64_t at_ns, std::uint64_t key = 0) const;
  bool is_cut(std::uint32_t venue, std::int64_t at_ns) const {
    return is_on(kTotalOutage, venue, at_ns) || is_on(kDisconnect, venue, at_ns) ||
           is_on(kReconnect, venue, at_ns);
  }
  std::int64_t fault_end(FaultKind kind, std::uint32_t venue, std::int64_t at_ns) const;
  std::int64_t slowness_ns(std::uint32_t venue, std::int64_t at_ns) const;

  // orders.cpp
  void arrive(std::uint64_t id, std::int64_t at_ns);
  const char* refusal(const Order& order, std::int64_t at_ns) const;
  void take(Order& order, std::int64_t at_ns);
  void take_dark(Order& order, std::int64_t at_ns);
  void rest(Order& order, std::int64_t at_ns);
  void arrive_cancel(std::uint64_t id, std::int64_t at_ns);
  void arrive_replace(const Event& event);
  void arrive_query(std::uint64_t id, std::uint32_t venue, std::int64_t at_ns);
  void fill(Order& order, std::int64_t nanos, Units units, std::uint8_t liquidity,
            std::int64_t at_ns);
  void book_fill(const Order& order, std::int64_t nanos, Units units, std::int64_t fee,
                 std::int64_t at_ns);
  void end(Order& order, std::uint8_t type, const char* text, std::int64_t at_ns);
  void drop(std::uint64_t id);
  void after_end(const Order& order, std::int64_t at_ns);
  std::int64_t out_ns(const Order& order) const;
  std::uint64_t luck_of(const Order& order);

  // reports.cpp
  ExecReport report_of(const Order& order, std::uint8_t type, std::int64_t at_ns) const;
  void send(ExecReport report, std::int64_t at_ns);
  void send_after_fill(const ExecReport& trade, const Order& order, std::int64_t at_ns);
  void deliver(ExecReport report, std::int64_t at_ns);
  void show_level(std::uint32_t book, int level, std::int64_t at_ns);
  void show_book(std::uint32_t book, std::int64_t at_ns);
  void show_trade(std::uint32_t book, std::int64_t nanos, Units units, std::int64_t sign,
                  std::int64_t at_ns);
  void show_status(std::uint32_t venue, std::uint32_t instrument, std::int64_t status,
                   std::int64_t at_ns);
  std::int64_t seen_ns(std::uint32_t venue, std::int64_t at_ns);

  // ledger.cpp
  void parent_arrives(std::uint32_t parent, std::int64_t at_ns);
  void clean_up(std::uint32_t parent);
  Units sweep(std::uint32_t instrument, std::int64_t sign, Units units, double& notional,
              double& fees, bool& is_beyond) const;
  std::int64_t mid_x2(std::uint32_t instrument) const;
  std::int64_t fee_of(std::uint32_t venue, std::uint32_t instrument, std::uint8_t liquidity,
                      std::int64_t nanos, Units units) const;
  void check(const Event& event);
  void begin();
  template <typename Visit>
  void visit(Visit&& with);

  std::uint32_t book_index(std::uint32_t instrument, std::uint32_t venue) const {
    return static_cast<std::uint32_t>(instrument * venues_.size() + venue);
  }
  std::uint32_t venue_of(std::uint32_t book) const {
    return static_cast<std::uint32_t>(book % venues_.size());
  }
  std::uint32_t instrument_of(std::uint32_t book) const {
    return static_cast<std::uint32_t>(book / venues_.size());
  }
  std::uint64_t seed() const { return static_cast<std::uint64_t>(globals_.seed); }

  Globals globals_;
  std::vector<InstrumentTerms> instruments_;
  std::vector<VenueTerms> venues_;
  std::vector<Fault> faults_;
  std::vector<std::uint32_t> lit_;
  std::int64_t shortest_out_ns_ = 0;

  std::vector<Event> events_;
  std::uint64_t event_order_ = 0;
  std::uint64_t events_run_ = 0;
  std::uint64_t checks_ = 0;
  std::int64_t now_ns_ = 0;
  std::int64_t burst_until_ns_ = 0;
  std::int64_t regime_ = 0;
  std::uint64_t bursts_ = 0;
  std::vector<LadderBook> books_;
  std::vector<Market> markets_;
  std::vector<std::int64_t> venue_status_;
  std::vector<std::int64_t> last_seen_ns_;
  std::vector<std::uint64_t> report_ids_;
  std::map<std::uint64_t, Order> orders_;
  std::map<std::uint64_t, Ended> ended_;
  std::vector<std::uint64_t> resting_;
  std::vector<ParentResult> parents_;
  // Children so far by (parent, venue).
  std::map<std::uint64_t, std::uint64_t> visits_;
  std::unordered_map<std::string, std::uint32_t> parent_names_;
  std::map<std::uint64_t, Asked> pending_replaces_;
  std::vector<ExecReport> kept_reports_;
  std::uint64_t trades_ = 0;
  Outbox outbox_;
};

}  // namespace venuefold::synthetic

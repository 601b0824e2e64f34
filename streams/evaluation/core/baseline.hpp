// Routers to compare with: each has the same life cycle, latency, fees and horizon as ours, routes
// again until its horizon, remembers where it was, and differs in how it splits.
#pragma once

#include <array>
#include <unordered_map>
#include <vector>

#include "streams/simulator/synthetic/core/world.hpp"

namespace venuefold::evaluation {

using synthetic::World;

enum class Split : std::int64_t {
  kBestPrice = 0,   // everything to the venue with the best touch
  kEqual = 1,       // equal parts to all venues at the best price
  kProRata = 2,     // by displayed size at the best price
  kPrimary = 3,     // always the first venue
  kFeeBlind = 4,    // best prices first
  kFeeAware = 5,    // best all-in prices first
  kOracle = 6,      // best expected all-in cost under the true habits of the venues
  kRandom = 7,      // a random feasible split
};

struct Terms {
  std::int64_t split = 0;
  std::int64_t horizon_ns = 0;
  std::int64_t retry_ns = 0;
  std::int64_t max_attempts = 0;
  std::int64_t miss_e9 = 0;
  std::int64_t seed = 0;
};

class Baseline {
 public:
  Baseline(const Terms& terms, const World& world);
  // Runs the market through `until_ns`, routing every parent in it.
  void run(World& world, std::int64_t until_ns);
  std::uint64_t records() const { return records_; }
  std::uint64_t children() const { return next_child_ - 1; }

 private:
  struct Seen {
    std::array<synthetic::Side, 2> sides{};
    std::uint64_t seq = 1;
    bool halted = false;
  };
  struct Parent {
    NewOrder order;
    std::int64_t left = 0;
    std::int64_t retry_ns = 0;
    std::int64_t open_children = 0;
    std::int64_t attempts = 0;
    std::array<std::uint64_t, 64> visited{};
    bool done = false;
  };
  struct Sent {
    std::size_t parent = 0;
    std::int64_t units = 0;
    std::int64_t filled = 0;
    std::uint8_t venue = 0;
  };
  struct Offer {
    double key = 0.0;
    std::int64_t nanos = 0;
    std::int64_t units = 0;
    std::uint32_t venue = 0;
  };
  struct Part {
    std::int64_t units = 0;
    std::int64_t limit = 0;
  };

  void fold(World& world, const std::byte* record);
  void on_quote(World& world, const Quote& quote);
  void on_report(World& world, const ExecReport& report);
  void on_status(const Status& status);
  void attempt(World& world, std::size_t parent, std::int64_t now_ns);
  std::vector<Offer> offers(const World& world, const Parent& parent) const;
  double key_of(const World& world, const Parent& parent, const Offer& offer) const;
  void greedy(const World& world, Parent& parent, std::vector<Offer> offers);
  void at_best(const World& world, Parent& parent, const std::vector<Offer>& offers);
  void one_venue(const World& world, Parent& parent, const std::vector<Offer>& offers);
  void give(const World& world, const Offer& offer, std::int64_t units, std::int64_t& left);
  Split split() const { return static_cast<Split>(terms_.split); }

  Terms terms_;
  std::size_t venues_;
  std::vector<Seen> seen_;
  std::vector<char> down_;
  std::vector<Parent> parents_;
  std::vector<std::size_t> open_;
  std::unordered_map<std::uint64_t, Sent> sent_;
  std::array<Part, 64> parts_{};
  std::uint64_t next_child_ = 1;
  std::uint64_t records_ = 0;
};

}  // namespace venuefold::evaluation

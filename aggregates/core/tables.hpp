// What reference inputs have told the engine, validated before it is believed.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "arithmetic.hpp"
#include "fees.hpp"
#include "schemas/core/codes.hpp"
#include "schemas/core/layout.hpp"
#include "settings.hpp"

namespace venuefold {

constexpr std::size_t kMaxInstruments = 65'536;
constexpr std::size_t kMaxPolicies = 255;
constexpr std::size_t kLiquidityCodes = 6;
constexpr std::int64_t kMaxUnitsPerOne = 10'000'000'000;
constexpr std::int64_t kMaxNotionalOnes = 1'000'000'000'000'000;
constexpr std::int64_t kMaxFeeFixedNanos = 1'000'000'000'000;
// All shards together know nothing of a venue's fills yet.
constexpr std::int64_t kNoPrior = -1;

// A venue and its trading state; the record's own status is where that began.
struct VenueEntry {
  Venue record;
  std::uint8_t status;
  // Switches that are engaged: by hand 1, by reference data 2.
  std::uint8_t killed;
  bool self_help;
  // What all shards have learned, in place of the prior of its kind and of its terms.
  std::int64_t wide_fill_e9 = kNoPrior;
  std::int64_t wide_ack_ns = 0;
  // Until then it wants to be left alone.
  std::int64_t hold_until_ns = 0;
};

// Venues, policies and settings; instruments live with their books.
class Tables {
 public:
  std::size_t venues() const { return venues_count_; }
  const VenueEntry& venue(std::size_t id) const { return venues_[id]; }
  // Dense venue ids in venue-key order.
  const std::vector<std::uint8_t>& rank_order() const { return rank_order_; }
  // Null when the policy is not defined.
  const Policy* policy(std::uint32_t id) const {
    return id <= kMaxPolicies ? policies_[id].get() : nullptr;
  }
  std::size_t policies() const { return policy_count_; }
  // How the remainders of a policy rest; null where they do not.
  const Posting* posting(std::uint32_t id) const {
    return id <= kMaxPolicies ? postings_[id].get() : nullptr;
  }
  std::size_t postings() const { return posting_count_; }
  const Settings& settings() const { return settings_; }
  const Grids& grids() const { return grids_; }
  const Priors& priors() const { return priors_; }
  // Filled share that is believed of a venue before any child was seen.
  double fill_prior(std::size_t id) const {
    const VenueEntry& entry = venues_[id];
    if (entry.wide_fill_e9 != kNoPrior) return static_cast<double>(entry.wide_fill_e9) / kE9;
    const std::uint8_t kind = entry.record.kind;
    return priors_.fills[kind <= number(VenueKind::WHOLESALER) ? kind : 0];
  }
  // Bit masks by dense venue id: trading, protected, dark pools, and under a kill switch.
  std::uint64_t open() const { return open_; }
  std::uint64_t is_protected() const { return protected_; }
  std::uint64_t dark() const { return dark_; }
  std::uint64_t killed() const { return killed_; }
  // Venues that we have declared self help against.
  std::uint64_t self_help() const { return self_help_; }
  // Venues whose rate limit keeps orders away at a time.
  std::uint64_t held(std::int64_t now_ns) const;
  std::int64_t ack_prior_ns(std::size_t id) const { return ack_prior_ns_[id]; }
  const Fees& fees() const { return fees_; }
  Fees& fees() { return fees_; }

  void set_status(std::size_t id, std::uint8_t status);
  void set_killed(std::size_t id, std::uint8_t switches);
  void set_self_help(std::size_t id, bool declared);
  void hold(std::size_t id, std::int64_t until_ns);
  // What all shards have learned of a venue, or why it cannot be believed.
  Reason put_prior(std::size_t id, std::int64_t fill_ratio_e9, std::int64_t ack_ns);

  // Each defines or replaces what the record names, or says why not.
  Reason put_venue(std::uint8_t id, const Venue& record);
  Reason put_policy(const Policy& record);
  Reason put_posting(const Posting& record);
  Reason put_settings(const Settings& record);

 private:
  std::vector<VenueEntry> venues_;
  std::size_t venues_count_ = 0;
  std::vector<std::uint8_t> rank_order_;
  std::uint64_t open_ = 0;
  std::uint64_t protected_ = 0;
  std::uint64_t dark_ = 0;
  std::uint64_t killed_ = 0;
  std::uint64_t self_help_ = 0;
  // Those that have ever asked to be left alone.
  std::uint64_t held_ = 0;
  std::array<std::int64_t, kMaxVenues> ack_prior_ns_{};
  std::array<std::unique_ptr<Policy>, kMaxPolicies + 1> policies_;
  std::size_t policy_count_ = 0;
  std::array<std::unique_ptr<Posting>, kMaxPolicies + 1> postings_;
  std::size_t posting_count_ = 0;
  Settings settings_ = default_settings();
  Grids grids_ = grids_of(settings_);
  Priors priors_ = priors_of(settings_);
  Fees fees_;

  void rank();
  void follow_prior(std::size_t id);
};

// Whether any byte of a text field is set.
template <std::size_t Size>
bool has_text(const char (&field)[Size]) {
  for (const char byte : field) {
    if (byte != 0) return true;
  }
  return false;
}

// Whether a record's numbers can be believed.
bool is_valid(const Instrument& record);
bool is_valid(const Listing& record);
bool is_valid(const Fee& record);
bool is_valid(const Limits& record);
bool is_valid(const Policy& record);
bool is_valid(const Posting& record);

}  // namespace venuefold

// Halts, auctions, sessions, and when a fault is on.
#include <algorithm>

#include "streams/simulator/synthetic/core/world.hpp"

namespace venuefold::synthetic {

void World::halt(std::uint32_t instrument, std::int64_t at_ns) {
  Market& market = markets_[instrument];
  const std::uint64_t drawn = draw(seed(), kHalts, instrument, ++market.halts);
  schedule(at_ns + globals_.halt_ns + globals_.auction_ns +
               gap_ns(drawn, globals_.halt_per_hour / 3600.0), EventKind::kHalt, instrument);
  reopen(instrument, at_ns, kHalted);
  schedule(at_ns + globals_.halt_ns, EventKind::kReopen, instrument, kInAuction);
  schedule(at_ns + globals_.halt_ns + globals_.auction_ns, EventKind::kReopen, instrument, kOpen);
}

void World::reopen(std::uint32_t instrument, std::int64_t at_ns, std::int64_t status) {
  markets_[instrument].status = status;
  for (std::uint32_t venue = 0; venue < venues_.size(); ++venue) {
    show_status(venue, instrument, status, at_ns);
    const std::uint32_t index = book_index(instrument, venue);
    if (status == kOpen && venues_[venue].kind == kLit) requote(index, at_ns, false);
    if (status == kOpen) show_book(index, at_ns);
  }
}

void World::turn_venue(std::uint32_t venue, std::int64_t status, std::int64_t at_ns) {
  venue_status_[venue] = status;
  show_status(venue, kInstrumentNone, status, at_ns);
  for (std::uint32_t instrument = 0; instrument < instruments_.size(); ++instrument) {
    const std::uint32_t index = book_index(instrument, venue);
    if (status != kOpen || venues_[venue].kind != kLit) continue;
    requote(index, at_ns, false);
    show_book(index, at_ns);
  }
}

void World::inject(const Fault& fault) {
  faults_.push_back(fault);
  const std::size_t place = faults_.size() - 1;
  schedule(std::max(now_ns_, fault.since_ns), EventKind::kFaultStart, place);
  schedule(std::max(now_ns_, fault.until_ns), EventKind::kFaultEnd, place);
}

void World::start_fault(std::uint32_t place, std::int64_t at_ns) {
  const Fault& fault = faults_[place];
  const auto venue = static_cast<std::uint32_t>(fault.venue);
  const bool cuts = fault.kind == kTotalOutage || fault.kind == kDisconnect ||
      fault.kind == kReconnect;
  if (cuts) show_status(venue, kInstrumentNone, kDown, at_ns);
  if (fault.kind == kSequenceReset) report_ids_[venue] = 0;
  if (fault.kind != kDisconnect) return;
  for (const std::uint64_t id : std::vector<std::uint64_t>(resting_)) {  // cancel on disconnect
    const auto found = orders_.find(id);
    if (found == orders_.end() || found->second.record.venue != venue) continue;
    end(found->second, kCanceled, "canceled on disconnect", at_ns);
    drop(id);
  }
}

void World::end_fault(std::uint32_t place, std::int64_t at_ns) {
  const Fault fault = faults_[place];
  const auto venue = static_cast<std::uint32_t>(fault.venue);
  if (fault.kind == kResend) {
    for (ExecReport& report : kept_reports_) {
      if (report.venue != venue) continue;
      report.report_flags |= 4;
      deliver(report, at_ns);
    }
    std::erase_if(kept_reports_,
        [venue](const ExecReport& report) { return report.venue == venue; });
  }
  show_status(venue, kInstrumentNone, venue_status_[venue], at_ns + 1);
  if (venue_status_[venue] != kOpen) return;
  for (std::uint32_t instrument = 0; instrument < instruments_.size(); ++instrument) {
    show_book(book_index(instrument, venue), at_ns + 1);
  }
}

bool World::is_on(FaultKind kind, std::uint32_t venue, std::int64_t at_ns,
                  std::uint64_t key) const {
  for (const Fault& fault : faults_) {
    if (fault.kind != kind || fault.venue != venue) continue;
    if (at_ns < fault.since_ns || at_ns >= fault.until_ns) continue;
    if (fault.chance >= 1.0) return true;
    if (happens(draw(seed(), kFaults, kind, key, venue), fault.chance)) return true;
  }
  return false;
}

std::int64_t World::fault_end(FaultKind kind, std::uint32_t venue, std::int64_t at_ns) const {
  std::int64_t last = at_ns;
  for (const Fault& fault : faults_) {
    const bool covers = fault.kind == kind && fault.venue == venue && at_ns >= fault.since_ns;
    if (covers && at_ns < fault.until_ns) last = std::max(last, fault.until_ns);
  }
  return last;
}

std::int64_t World::slowness_ns(std::uint32_t venue, std::int64_t at_ns) const {
  std::int64_t extra = 0;
  for (const Fault& fault : faults_) {
    if (fault.venue != venue || at_ns < fault.since_ns || at_ns >= fault.until_ns) continue;
    if (fault.kind == kSlow) extra += 20 * kMs;
    if (fault.kind == kDegrading) extra += std::min(500 * kMs, (at_ns - fault.since_ns) / 50);
  }
  return extra;
}

}  // namespace venuefold::synthetic

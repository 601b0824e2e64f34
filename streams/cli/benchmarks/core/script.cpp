#include "script.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>

#include "schemas/core/codes.hpp"
#include "schemas/core/decisions.hpp"
#include "schemas/core/layout.hpp"
#include "schemas/core/slots.hpp"

namespace venuefold::bench {
namespace {

constexpr std::uint8_t kNewOrder = 16;
constexpr std::uint8_t kExecReport = 32;
constexpr std::uint8_t kChildOutput = 2;
constexpr std::uint8_t kRefusalOutput = 6;
constexpr std::uint8_t kCanceled = number(ExecType::CANCELED);
constexpr std::uint8_t kTrade = number(ExecType::TRADE);
constexpr std::uint8_t kTake = number(Liquidity::TAKE);
// Of the world that the scripts are made from, per unit.
constexpr std::int64_t kFees[] = {3'000'000, 900'000, -1'400'000, 0};
constexpr std::uint8_t kReportSource = 220;
constexpr std::size_t kPassAt = 26;  // last bytes of a ClOrdID, unused by the script's own names

template <typename Record>
Record load(const std::uint8_t* data) {
  Record record;
  std::memcpy(&record, data, sizeof record);
  return record;
}

}  // namespace

std::size_t record_bytes(const std::uint8_t* data) { return kSlots[data[0]] * kSlot; }

std::vector<std::uint8_t> read_file(const char* path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(std::string("cannot read ") + path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Script::Script(std::vector<std::uint8_t> records) : records_(std::move(records)) {
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  for (std::size_t at = 0; at < records_.size(); at += record_bytes(&records_[at])) {
    const auto header = load<Header>(&records_[at]);
    if (at == 0) first_ns = header.log_ns;
    last_ns = header.log_ns;
    ++counts_[header.source];
    orders_ += header.type == kNewOrder ? 1U : 0U;
  }
  span_ns_ = last_ns - first_ns + 1'000;
}

void Script::next_pass() {
  ++pass_;
  for (std::size_t at = 0; at < records_.size(); at += record_bytes(&records_[at])) {
    auto header = load<Header>(&records_[at]);
    header.log_ns += span_ns_;
    header.venue_ns += header.venue_ns == 0 ? 0 : span_ns_;
    header.source_seq += counts_[header.source];
    std::memcpy(&records_[at], &header, sizeof header);
    if (header.type != kNewOrder) continue;
    auto order = load<NewOrder>(&records_[at]);
    std::memcpy(order.cl_ord_id + kPassAt, &pass_, sizeof pass_);
    order.transact_ns += span_ns_;
    order.receive_ns += span_ns_;
    std::memcpy(&records_[at], &order, sizeof order);
  }
}

Engine prepared(const char* path, const std::string& generation) {
  Engine engine(0, generation);
  const std::vector<std::uint8_t> setup = read_file(path);
  if (engine.step(setup.data(), setup.size(), kInt64Max, false) != setup.size()) {
    fail("the set-up does not hold whole records");
  }
  return engine;
}

void Venues::answer(Engine& engine) {
  reports_.clear();
  const Outputs& outputs = engine.outputs();
  for (std::size_t at = 0; at < outputs.size();) {
    const auto head = load<out::OutHeader>(outputs.data() + at);
    if (head.type == kChildOutput) answer(load<out::Child>(outputs.data() + at));
    if (head.type == kRefusalOutput) refuse(load<out::Refusal>(outputs.data() + at));
    at += head.size;
  }
  if (!reports_.empty()) engine.step(reports_.data(), reports_.size(), kInt64Max, false);
}

// A refused order takes no time to speak of: a figure with some in it would flatter.
void Venues::refuse(const out::Refusal& refusal) {
  if (refusal.input_type != kNewOrder) return;
  fail("an order was refused for reason " + std::to_string(refusal.reason) + ", value " +
       std::to_string(refusal.value));
}

// Five of eight children are filled, two by half, and one finds nothing.
void Venues::answer(const out::Child& child) {
  const std::uint64_t turn = child.child_id % 8;
  const std::int64_t filled = turn < 5 ? child.units : turn < 7 ? child.units / 2 : 0;
  ExecReport report{};
  report.type = kExecReport;
  report.venue = child.venue;
  report.source = kReportSource;
  report.instrument = child.instrument;
  report.log_ns = child.log_ns;
  report.child_id = child.child_id;
  report.cum_units = filled;
  if (filled != 0) {
    report.trade_id = child.child_id;
    report.last_nanos = child.limit_nanos;
    report.last_units = filled;
    report.leaves_units = child.units - filled;
    report.fee_nanos = kFees[child.venue % 4] * filled;
    report.exec_type = kTrade;
    report.liquidity = kTake;
    add(report);
  }
  if (filled == child.units) return;
  report.leaves_units = 0;
  report.exec_type = kCanceled;
  add(report);
}

void Venues::add(ExecReport& report) {
  report.source_seq = ++seq_;
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&report);
  reports_.insert(reports_.end(), bytes, bytes + sizeof report);
}

std::int64_t now_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

void write_samples(const std::vector<double>& samples) {
  if (std::fwrite(samples.data(), sizeof(double), samples.size(), stdout) != samples.size()) {
    fail("cannot write the samples");
  }
}

void fail(const std::string& what) {
  std::fprintf(stderr, "venuefold-bench: %s\n", what.c_str());
  std::exit(2);
}

}  // namespace venuefold::bench

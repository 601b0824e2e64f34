// The least that any router must do: what the engine's figures are multiples of.
#include <algorithm>
#include <array>
#include <cstring>
#include <random>

#include "modes.hpp"
#include "huge_pages.hpp"

namespace venuefold::bench {
namespace {

constexpr std::size_t kLevels = 5;
constexpr std::size_t kRecordBytes = 1'900;
constexpr std::size_t kTicks = 200'000;

constexpr std::size_t kInstruments = 500;
constexpr std::size_t kTicksBetween = 64;
constexpr std::size_t kTickLines = 6;

// What a router keeps of an instrument at a venue, by cache lines.
struct ColdRow {
  alignas(64) std::int64_t lines[40][8];
};

struct alignas(64) Row {
  std::int64_t price[2];
  std::int64_t units[2];
  double weighted[6];
  double weight;
  std::int64_t since;
  std::uint64_t ticks;
  std::uint64_t spare[3];
};
static_assert(sizeof(Row) == 128);

struct Tick {
  std::uint32_t row;
  std::int64_t price[2];
  std::int64_t units[2];
  std::int64_t at;
};

void update(Row& row, const Tick& tick) {
  const double stood = static_cast<double>(tick.at - row.since);
  constexpr double kKeep = 0.999;
  row.weight = row.weight * kKeep + stood;
  for (std::size_t side = 0; side < 2; ++side) {
    row.weighted[side] = row.weighted[side] * kKeep + stood * static_cast<double>(row.units[side]);
    row.weighted[side + 2] =
        row.weighted[side + 2] * kKeep + stood * static_cast<double>(row.price[side]);
    row.price[side] = tick.price[side];
    row.units[side] = tick.units[side];
  }
  row.since = tick.at;
  ++row.ticks;
}

struct Offer {
  std::int64_t cost;
  std::int64_t units;
  std::uint32_t venue;
};

// Takes `wanted` units at the least all-in cost; their sum keeps the work from being removed.
std::int64_t sweep(std::vector<Offer>& offers, const std::vector<std::int64_t>& prices,
                   const std::vector<std::int64_t>& sizes, const std::vector<std::int64_t>& fees,
                   std::int64_t wanted) {
  for (std::size_t n = 0; n < prices.size(); ++n) {
    const std::size_t venue = n / kLevels;
    offers[n] = {prices[n] + fees[venue], sizes[n], static_cast<std::uint32_t>(venue)};
  }
  std::int64_t total = 0;
  std::size_t left = offers.size();
  const auto dearer = [](const Offer& a, const Offer& b) {
    return a.cost != b.cost ? a.cost > b.cost : a.venue > b.venue;
  };
  std::make_heap(offers.begin(), offers.end(), dearer);
  while (wanted > 0 && left > 0) {
    std::pop_heap(offers.begin(), offers.begin() + static_cast<std::ptrdiff_t>(left), dearer);
    const Offer& best = offers[--left];
    const std::int64_t take = std::min(wanted, best.units);
    total += take * best.cost;
    wanted -= take;
  }
  return total;
}

}  // namespace

void floor_fold(std::size_t rows, std::size_t passes) {
  std::mt19937_64 random(1);
  std::vector<Row> table(rows);
  std::vector<Tick> ticks(kTicks);
  for (std::size_t n = 0; n < kTicks; ++n) {
    const auto price = static_cast<std::int64_t>(random() % 1'000 + 1);
    ticks[n] = {static_cast<std::uint32_t>(random() % rows), {price, price + 1}, {100, 200},
                static_cast<std::int64_t>(n)};
  }
  std::vector<double> samples;
  for (std::size_t pass = 0; pass < passes; ++pass) {
    const std::int64_t started = now_ns();
    for (const Tick& tick : ticks) update(table[tick.row], tick);
    samples.push_back(static_cast<double>(now_ns() - started) / static_cast<double>(kTicks));
  }
  double sum = 0;
  for (const Row& row : table) sum += row.weight;
  if (sum < 0) fail("the rows were not updated");
  write_samples(samples);
}

// As `floor_decide`, but the books lie where a router has them: five lines of memory a venue, among
// rows of 500 instruments of which ticks have touched others in between.
void floor_decide_cold(std::size_t venues, std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<ColdRow, HugePages<ColdRow>> rows(kInstruments * venues);
  for (ColdRow& row : rows) {
    for (std::size_t line = 0; line < kLevels; ++line) {
      row.lines[line][0] = 10'000 + static_cast<std::int64_t>(line + random() % 3) * 100;
      row.lines[line][1] = static_cast<std::int64_t>(random() % 7 + 1) * 100;
    }
  }
  std::vector<std::int64_t> prices(venues * kLevels);
  std::vector<std::int64_t> sizes(venues * kLevels);
  const std::vector<std::int64_t> fees(venues, 30);
  std::vector<Offer> offers(venues * kLevels);
  std::array<std::uint8_t, kRecordBytes> book{};
  std::array<std::uint8_t, kRecordBytes> record{};
  std::vector<double> samples;
  samples.reserve(count);
  std::int64_t sum = 0;
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t tick = 0; tick < kTicksBetween; ++tick) {
      ColdRow& row = rows[random() % rows.size()];
      for (std::size_t line = 0; line < kTickLines; ++line) ++row.lines[kLevels + line][0];
    }
    const ColdRow* const own = &rows[n * 7919 % kInstruments * venues];
    const std::int64_t started = now_ns();
    for (std::size_t level = 0; level < prices.size(); ++level) {
      __builtin_prefetch(own[level / kLevels].lines[level % kLevels]);
    }
    for (std::size_t level = 0; level < prices.size(); ++level) {
      const std::int64_t* const line = own[level / kLevels].lines[level % kLevels];
      prices[level] = line[0];
      sizes[level] = line[1];
    }
    sum += sweep(offers, prices, sizes, fees, 1'000);
    std::memcpy(record.data(), book.data(), kRecordBytes);
    asm volatile("" : : "r"(record.data()) : "memory");
    samples.push_back(static_cast<double>(now_ns() - started));
  }
  if (sum == 0) fail("nothing was swept");
  write_samples(samples);
}

void floor_decide(std::size_t venues, std::size_t count) {
  std::mt19937_64 random(1);
  std::vector<std::int64_t> prices(venues * kLevels);
  std::vector<std::int64_t> sizes(venues * kLevels);
  std::vector<std::int64_t> fees(venues);
  std::vector<Offer> offers(venues * kLevels);
  std::array<std::uint8_t, kRecordBytes> book{};
  std::array<std::uint8_t, kRecordBytes> record{};
  for (std::int64_t& fee : fees) fee = static_cast<std::int64_t>(random() % 45) - 15;
  std::vector<double> samples;
  samples.reserve(count);
  std::int64_t sum = 0;
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t level = 0; level < prices.size(); ++level) {
      prices[level] = 10'000 + static_cast<std::int64_t>(level % kLevels + random() % 3) * 100;
      sizes[level] = static_cast<std::int64_t>(random() % 7 + 1) * 100;
    }
    book[n % kRecordBytes] ^= 1;
    const std::int64_t started = now_ns();
    sum += sweep(offers, prices, sizes, fees, 1'000);
    std::memcpy(record.data(), book.data(), kRecordBytes);
    asm volatile("" : : "r"(record.data()) : "memory");
    samples.push_back(static_cast<double>(now_ns() - started));
  }
  if (sum == 0) fail("nothing was swept");
  write_samples(samples);
}

}  // namespace venuefold::bench

// The Python face of the book model; the only file that knows nanobind.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <memory>
#include <stdexcept>

#include "nbbo_books.hpp"

namespace nb = nanobind;

namespace venuefold {
namespace {

constexpr std::size_t kBestColumns = sizeof(BestRow) / sizeof(std::int64_t);
constexpr std::size_t kPrintColumns = sizeof(PrintRow) / sizeof(std::int64_t);

template <std::size_t Columns>
using Rows = nb::ndarray<const std::int64_t, nb::shape<-1, static_cast<nb::ssize_t>(Columns)>,
                         nb::c_contig, nb::device::cpu>;
using Slots = nb::ndarray<nb::numpy, std::uint8_t, nb::shape<-1, 64>>;

void check(const BookSettings& settings) {
  if (settings.venues < 1 || settings.venues > kMaxVenues || settings.tick_nanos < 1 ||
      settings.size_memory < 1 || settings.step_back_ticks < 1 ||
      settings.max_lag_ticks < settings.step_back_ticks || settings.round_lot_units < 1) {
    throw std::invalid_argument("model_books: a setting is out of its range");
  }
}

void check_venue(std::int64_t venue, std::int64_t least, int venues) {
  if (venue < least || venue >= venues) {
    throw std::invalid_argument("model_books: a row names a venue that is not there");
  }
}

void check_rows(const BookSettings& settings, const BestRow* best, std::size_t best_count,
                const PrintRow* prints, std::size_t print_count) {
  for (std::size_t i = 0; i < best_count; ++i) {
    check_venue(best[i].bid_venue, -1, settings.venues);
    check_venue(best[i].ask_venue, -1, settings.venues);
  }
  for (std::size_t i = 0; i < print_count; ++i) check_venue(prints[i].venue, 0, settings.venues);
}

Slots to_slots(std::vector<Quote> quotes) {
  auto owned = std::make_unique<std::vector<Quote>>(std::move(quotes));
  const std::size_t count = owned->size();
  void* data = owned->data();
  nb::capsule owner(owned.release(), [](void* held) noexcept {
    delete static_cast<std::vector<Quote>*>(held);
  });
  return Slots(data, {count, kSlot}, owner);
}

Slots model(const Rows<kBestColumns>& best, const Rows<kPrintColumns>& prints,
            std::uint32_t instrument, int venues, std::int64_t tick_nanos,
            std::int64_t step_back_ticks, std::int64_t max_lag_ticks, std::size_t size_memory,
            std::int64_t round_lot_units) {
  const BookSettings settings{instrument,    venues,      tick_nanos,     step_back_ticks,
                              max_lag_ticks, size_memory, round_lot_units};
  check(settings);
  const auto* best_rows = reinterpret_cast<const BestRow*>(best.data());
  const auto* print_rows = reinterpret_cast<const PrintRow*>(prints.data());
  check_rows(settings, best_rows, best.shape(0), print_rows, prints.shape(0));
  std::vector<Quote> quotes;
  {
    nb::gil_scoped_release release;
    quotes = model_books(settings, best_rows, best.shape(0), print_rows, prints.shape(0));
  }
  return to_slots(std::move(quotes));
}

}  // namespace
}  // namespace venuefold

NB_MODULE(_books, module) {
  module.doc() = "Models the venue books behind a best-quote stream.";
  module.def("model_books", &venuefold::model, nb::arg("best"), nb::arg("prints"), nb::kw_only(),
             nb::arg("instrument"), nb::arg("venues"), nb::arg("tick_nanos"),
             nb::arg("step_back_ticks"), nb::arg("max_lag_ticks"), nb::arg("size_memory"),
             nb::arg("round_lot_units"),
             "Quotes (n, 64) of one instrument and day from best rows and eligible prints.");
}

// The evaluation's own market: the same market with its truth in view, and routers to compare with.
#include "streams/evaluation/core/baseline.hpp"
#include "streams/simulator/synthetic/core/bindings.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace venuefold::evaluation {
namespace {

std::uint64_t run_baseline(World& world, const std::vector<std::int64_t>& terms,
                           std::int64_t until_ns) {
  if (terms.size() != 6) throw InputFault("a baseline has six terms");
  const nb::gil_scoped_release released;
  Baseline router({terms[0], terms[1], terms[2], terms[3], terms[4], terms[5]}, world);
  router.run(world, until_ns);
  return router.records();
}

nb::bytes soft_terms(const World& world) {
  std::vector<synthetic::VenueTerms> rows;
  for (std::uint32_t venue = 0; venue < world.venues().size(); ++venue) {
    rows.push_back(world.soft(venue));
  }
  return nb::bytes(rows.data(), rows.size() * sizeof(synthetic::VenueTerms));
}

nb::list book(const World& world, std::uint32_t instrument, std::uint32_t venue) {
  if (instrument >= world.instruments().size() || venue >= world.venues().size()) {
    throw InputFault("no such instrument or venue");
  }
  nb::list sides;
  for (const auto& side : world.book(instrument, venue).sides) {
    nb::list levels;
    for (std::size_t at = 0; at < synthetic::kDepth; ++at) {
      levels.append(nb::make_tuple(side.nanos[at], side.units[at]));
    }
    sides.append(levels);
  }
  return sides;
}

}  // namespace
}  // namespace venuefold::evaluation

NB_MODULE(_arena, m) {
  using namespace venuefold::evaluation;
  m.doc() = "A synthetic market whose truth shows. Only the evaluation imports this.";
  nb::register_exception_translator(venuefold::synthetic::translate_fault);
  venuefold::synthetic::bind_fields(m);
  nb::class_<World> world(m, "TrueMarket", "A SyntheticMarket with its truth.");
  venuefold::synthetic::bind_market(world);
  world.def("run_baseline", &run_baseline, "terms"_a, "until_ns"_a,
            "Routes all parents by a baseline; records handed out. "
            "Terms: split, horizon_ns, retry_ns, max_attempts, miss_e9, seed.")
      .def("soft_terms", &soft_terms, "Each venue's habits in force, as `venue` records.")
      .def("value_x256", &World::value_x256, "instrument"_a)
      .def("true_book", &book, "instrument"_a, "venue"_a)
      .def_prop_ro("regime", &World::regime);
}

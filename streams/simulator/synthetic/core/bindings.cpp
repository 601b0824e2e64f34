// The Python face of the synthetic market. It shows what a gateway shows, and no truth.
#include <nanobind/nanobind.h>

#include "streams/simulator/synthetic/core/bindings.hpp"

namespace nb = nanobind;
using namespace nb::literals;

NB_MODULE(_synthetic, m) {
  using namespace venuefold::synthetic;
  m.doc() = "A synthetic market that emits input records and takes child orders.";
  nb::register_exception_translator(translate_fault);
  bind_fields(m);
  nb::class_<World> world(m, "SyntheticMarket", "See streams.simulator.synthetic.market.");
  bind_market(world);
}

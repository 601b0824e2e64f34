// The Python face of the simulator.
#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "streams/simulator/core/faults.hpp"
#include "streams/simulator/core/market.hpp"
#include "streams/simulator/core/parity.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace venuefold {
namespace {

// Bytes of any contiguous buffer, held while the call runs.
class BufferView {
 public:
  explicit BufferView(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_C_CONTIGUOUS) != 0) throw nb::python_error();
  }
  ~BufferView() { PyBuffer_Release(&view_); }
  BufferView(const BufferView&) = delete;
  BufferView& operator=(const BufferView&) = delete;

  const std::byte* data() const { return static_cast<const std::byte*>(view_.buf); }
  std::size_t size() const { return static_cast<std::size_t>(view_.len); }

 private:
  Py_buffer view_{};
};

PassiveModel model_named(const std::string& name) {
  if (name == "traded_through") return PassiveModel::kTradedThrough;
  if (name == "queue_depleted") return PassiveModel::kQueueDepleted;
  throw InputFault("passive_model '" + name + "' is neither traded_through nor queue_depleted");
}

FeeTable fee_table(const nb::dict& fees, std::size_t instruments, std::size_t venues) {
  FeeTable table(instruments, venues);
  using Key = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;
  using Rate = std::pair<std::int64_t, std::int64_t>;
  for (const auto& [key, value] : fees) {
    const auto [instrument, venue, liquidity] = nb::cast<Key>(key);
    const auto [fixed_nanos, rate_e9] = nb::cast<Rate>(value);
    table.put(instrument, venue, liquidity, fixed_nanos, rate_e9);
  }
  return table;
}

void build(ReplayMarket* self, const std::vector<std::pair<std::int64_t, std::int64_t>>& latencies,
           const nb::dict& fees, std::vector<std::int64_t> units_per_one,
           const std::string& passive_model, std::uint64_t seed, std::uint8_t report_source,
           std::int64_t jitter_ns) {
  std::vector<Latency> by_venue;
  for (const auto& [out_ns, back_ns] : latencies) by_venue.push_back({out_ns, back_ns});
  FeeTable table = fee_table(fees, units_per_one.size(), by_venue.size());
  new (self) ReplayMarket({std::move(by_venue), std::move(units_per_one), std::move(table),
                           model_named(passive_model), seed, report_source, jitter_ns});
}

void advance(ReplayMarket& market, nb::handle batch) {
  const BufferView records(batch);
  const nb::gil_scoped_release released;
  market.advance(records.data(), records.size());
}

void submit(ReplayMarket& market, nb::handle record, std::int64_t sent_ns) {
  const BufferView child(record);
  market.submit(child.data(), child.size(), sent_ns);
}

nb::bytes pop_reports(ReplayMarket& market, std::int64_t until_ns) {
  const std::vector<ExecReport> reports = market.pop_reports(until_ns);
  return nb::bytes(reports.data(), reports.size() * sizeof(ExecReport));
}

nb::bytes state_bytes(const ReplayMarket& market) {
  const std::vector<std::byte> state = market.state_bytes();
  return nb::bytes(state.data(), state.size());
}

void restore(ReplayMarket& market, nb::handle state) {
  const BufferView bytes(state);
  market.restore(bytes.data(), bytes.size());
}

nb::dict named(const std::vector<std::pair<const char*, std::int64_t>>& table) {
  nb::dict names;
  for (const auto& [name, value] : table) names[name] = value;
  return names;
}

void translate_fault(const std::exception_ptr& raised, void*) {
  try {
    std::rethrow_exception(raised);
  } catch (const InputFault& fault) {
    const nb::object input_error = nb::module_::import_("schemas.errors").attr("InputError");
    PyErr_SetString(input_error.ptr(), fault.what());
  }
}

}  // namespace

NB_MODULE(_market, m) {
  m.doc() = "Fill simulator: a deterministic fold over (market records, child orders).";
  nb::register_exception_translator(translate_fault);
  m.def("codes", [] { return named(kCodeNames); });
  m.def("child_offsets", [] { return named(kChildOffsets); });
  nb::class_<ReplayMarket>(m, "ReplayMarket",
                           "Recorded books that children meet; see streams.simulator.market.")
      .def("__init__", &build, "venue_latencies"_a, "fees"_a, "units_per_one"_a, "passive_model"_a,
           "seed"_a, "report_source"_a = 220, "jitter_ns"_a = 0)
      .def("advance", &advance, "batch"_a,
           "Folds whole input records in log order; those not of the market only move time.")
      .def("submit", &submit, "record"_a, "sent_ns"_a,
           "A CHILD record arrives at sent_ns + its send delay + the venue's way out.")
      .def("cancel", &ReplayMarket::cancel, "child_id"_a, "sent_ns"_a,
           "Asks for a child's cancel; it arrives at sent_ns + the child's way out.")
      .def("replace", &ReplayMarket::replace, "child_id"_a, "units"_a, "limit_nanos"_a,
           "sent_ns"_a, "Asks for new terms of a resting child; they arrive as a cancel does.")
      .def("query", &ReplayMarket::query, "child_id"_a, "sent_ns"_a,
           "Asks what became of a child; an ORDER_STATUS comes back.")
      .def("pop_reports", &pop_reports, "until_ns"_a,
           "EXEC_REPORTs with log_ns <= until_ns, in order; the market is complete through it.")
      .def("state_bytes", &state_bytes, "Canonical bytes of the whole state.")
      .def("restore", &restore, "state"_a, "Takes over a state of the same configuration.")
      .def_prop_ro("now_ns", &ReplayMarket::now_ns)
      .def_prop_ro("next_report_ns", &ReplayMarket::next_report_ns)
      .def_prop_ro("certain_feedback_ns", &ReplayMarket::certain_feedback_ns)
      .def_prop_ro("earliest_feedback_ns", &ReplayMarket::earliest_feedback_ns)
      .def_prop_ro("live_children", &ReplayMarket::live_children)
      .def_prop_ro("records_ignored", &ReplayMarket::records_ignored);
}

}  // namespace venuefold

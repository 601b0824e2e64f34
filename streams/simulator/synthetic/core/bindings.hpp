// What both native modules that hold a market have in common on the Python side.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "streams/simulator/synthetic/core/world.hpp"

namespace venuefold::synthetic {

// Bytes of any contiguous buffer, held while the call runs.
class Bytes {
 public:
  explicit Bytes(nanobind::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_C_CONTIGUOUS) != 0) {
      throw nanobind::python_error();
    }
  }
  ~Bytes() { PyBuffer_Release(&view_); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  const std::byte* data() const { return static_cast<const std::byte*>(view_.buf); }
  std::size_t size() const { return static_cast<std::size_t>(view_.len); }

 private:
  Py_buffer view_{};
};

inline void translate_fault(const std::exception_ptr& raised, void*) {
  try {
    std::rethrow_exception(raised);
  } catch (const InputFault& fault) {
    const auto error = nanobind::module_::import_("schemas.errors").attr("InputError");
    PyErr_SetString(error.ptr(), fault.what());
  } catch (const std::logic_error& fault) {
    const auto error = nanobind::module_::import_("schemas.errors").attr("InvariantError");
    PyErr_SetString(error.ptr(), fault.what());
  }
}

inline nanobind::list named(const FieldList& fields) {
  nanobind::list names;
  for (const auto& [name, code] : fields) names.append(nanobind::make_tuple(name, code));
  return names;
}

inline void bind_fields(nanobind::module_& m) {
  m.def("fields_of", [](const std::string& record) {
    if (record == "globals") return named(Globals::fields());
    if (record == "instrument") return named(InstrumentTerms::fields());
    if (record == "venue") return named(VenueTerms::fields());
    if (record == "fault") return named(Fault::fields());
    if (record == "result") return named(ParentResult::fields());
    throw InputFault("no record " + record);
  });
}

inline World make_world(nanobind::handle globals, nanobind::handle instruments,
                        nanobind::handle venues, nanobind::handle faults) {
  const Bytes head(globals);
  const Bytes what(instruments);
  const Bytes where(venues);
  const Bytes ills(faults);
  const auto heads = rows_from<Globals>(head.data(), head.size(), "globals");
  if (heads.size() != 1) throw InputFault("a market has one record of globals");
  return World(heads[0], rows_from<InstrumentTerms>(what.data(), what.size(), "instruments"),
               rows_from<VenueTerms>(where.data(), where.size(), "venues"),
               rows_from<Fault>(ills.data(), ills.size(), "faults"));
}

inline nanobind::bytes to_bytes(const std::vector<std::byte>& from) {
  return nanobind::bytes(from.data(), from.size());
}

template <typename Class>
void bind_market(Class& world) {
  namespace nb = nanobind;
  using namespace nb::literals;
  world
      .def("__init__",
           [](World* self, nb::handle head, nb::handle instruments, nb::handle venues,
              nb::handle faults) {
             new (self) World(make_world(head, instruments, venues, faults));
           })
      .def("add_orders",
           [](World& self, nb::handle records) {
             const Bytes view(records);
             self.add_orders(view.data(), view.size());
           }, "records"_a)
      .def("pull",
           [](World& self, std::int64_t until_ns, std::size_t most_bytes) {
             std::vector<std::byte> out;
             {
               const nb::gil_scoped_release released;
               self.pull(until_ns, most_bytes, out);
             }
             return to_bytes(out);
           }, "until_ns"_a, "most_bytes"_a)
      .def("submit",
           [](World& self, nb::handle record, std::int64_t sent_ns) {
             const Bytes view(record);
             self.submit(view.data(), view.size(), sent_ns);
           }, "record"_a, "sent_ns"_a)
      .def("cancel", &World::cancel, "child_id"_a, "sent_ns"_a)
      .def("replace", &World::replace, "child_id"_a, "units"_a, "limit_nanos"_a, "sent_ns"_a)
      .def("inject",
           [](World& self, nb::handle record) {
             const Bytes view(record);
             for (const Fault& fault : rows_from<Fault>(view.data(), view.size(), "fault")) {
               self.inject(fault);
             }
           }, "fault"_a)
      .def("results",
           [](const World& self) {
             const auto& rows = self.results();
             return nb::bytes(rows.data(), rows.size() * sizeof(ParentResult));
           })
      .def("state_bytes", [](World& self) { return to_bytes(self.state_bytes()); })
      .def("restore",
           [](World& self, nb::handle state) {
             const Bytes view(state);
             self.restore(view.data(), view.size());
           }, "state"_a)
      .def_prop_ro("now_ns", &World::now_ns)
      .def_prop_ro("next_record_ns", &World::next_record_ns)
      .def_prop_ro("shortest_out_ns", &World::shortest_out_ns)
      .def_prop_ro("live_children", &World::live_children)
      .def_prop_ro("events", &World::events)
      .def_prop_ro("checks", &World::checks);
}

}  // namespace venuefold::synthetic

// The Python face of the engine; the only file that knows nanobind.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <stdexcept>

#include "engine.hpp"
#include "layouts.hpp"
#include "schemas/core/slots.hpp"

namespace nb = nanobind;

namespace venuefold {
namespace {

// Shorter batches are folded in less time than handing the GIL over takes.
constexpr std::size_t kKeepGilBytes = 64 * kSlot;

// A contiguous read-only look at any object with the buffer protocol.
class Buffer {
 public:
  explicit Buffer(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw nb::python_error();
  }
  ~Buffer() { PyBuffer_Release(&view_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  const std::uint8_t* data() const { return static_cast<const std::uint8_t*>(view_.buf); }
  std::size_t size() const { return static_cast<std::size_t>(view_.len); }

 private:
  Py_buffer view_{};
};

// One caller at a time: the engine has no lock, and a step may run without the GIL.
class Occupied {
 public:
  explicit Occupied(bool& busy) : busy_(busy) {
    if (busy_) throw std::runtime_error("the engine is stepping on another thread");
    busy_ = true;
  }
  ~Occupied() { busy_ = false; }
  Occupied(const Occupied&) = delete;
  Occupied& operator=(const Occupied&) = delete;

 private:
  bool& busy_;
};

class NativeEngine {
 public:
  NativeEngine(std::uint16_t shard, const nb::bytes& generation)
      : engine_(shard, std::string(generation.c_str(), generation.size())) {}

  const Shard& shard() const { return engine_.shard(); }

  nb::tuple step(nb::handle batch, std::int64_t limit_ns, bool stop_on_child) {
    const Occupied occupied(busy_);
    const Buffer buffer(batch);
    std::size_t consumed = 0;
    if (buffer.size() <= kKeepGilBytes) {
      consumed = engine_.step(buffer.data(), buffer.size(), limit_ns, stop_on_child);
    } else {
      const nb::gil_scoped_release released;
      consumed = engine_.step(buffer.data(), buffer.size(), limit_ns, stop_on_child);
    }
    const Outputs& outputs = engine_.outputs();
    return nb::make_tuple(consumed, nb::bytes(outputs.data(), outputs.size()));
  }

  nb::bytes state_bytes() {
    const Occupied occupied(busy_);
    std::vector<std::uint8_t> bytes;
    {
      const nb::gil_scoped_release released;
      bytes = engine_.state_bytes();
    }
    return nb::bytes(bytes.data(), bytes.size());
  }

  void restore(nb::handle state) {
    const Occupied occupied(busy_);
    const Buffer buffer(state);
    const nb::gil_scoped_release released;
    engine_.restore(buffer.data(), buffer.size());
  }

 private:
  Engine engine_;
  bool busy_ = false;
};

nb::dict counters(const NativeEngine& engine) {
  const BeliefLooks& looks = engine.shard().looks;
  nb::dict counts;
  counts["belief_looks"] = looks.all;
  counts["belief_sizes_found"] = looks.sizes_found;
  counts["belief_acks_found"] = looks.acks_found;
  return counts;
}

nb::dict describe_layouts() {
  nb::dict described;
  for (const LayoutPlaces& layout : layouts()) {
    nb::dict fields;
    for (const FieldPlace& field : layout.fields) {
      fields[field.name] = nb::make_tuple(field.offset, field.size);
    }
    described[layout.name] = nb::make_tuple(layout.size, fields);
  }
  return described;
}

nb::dict codes() {
  nb::dict described;
  for (const CodeList& list : code_lists()) {
    nb::dict values;
    for (const CodeValue& code : list.codes) values[code.name] = code.value;
    described[list.name] = values;
  }
  return described;
}

nb::list slots() {
  nb::list counts;
  for (const std::uint8_t count : kSlots) counts.append(count);
  return counts;
}

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const StateError& error) {
    const nb::object type = nb::module_::import_("schemas.errors").attr("InputError");
    PyErr_SetString(type.ptr(), error.what());
  }
}

}  // namespace
}  // namespace venuefold

NB_MODULE(_core, module) {
  using venuefold::NativeEngine;
#ifdef VENUEFOLD_NEEDS_AVX2
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("bmi2")) {
    throw std::runtime_error(
        "this native engine is built for processors with AVX2 and BMI2, which this machine lacks; "
        "build it with -DVENUEFOLD_CPU=x86-64, or use the reference core");
  }
#endif
  module.doc() = "The native engine: the same fold as aggregates.engine, to the last byte.";
  nb::register_exception_translator(venuefold::translate, nullptr);
  nb::class_<NativeEngine>(module, "NativeEngine")
      .def(nb::init<std::uint16_t, const nb::bytes&>(), nb::arg("shard"), nb::arg("generation"))
      .def_prop_ro("seq", [](const NativeEngine& self) { return self.shard().seq; })
      .def_prop_ro("log_ns", [](const NativeEngine& self) { return self.shard().log_ns; })
      .def_prop_ro("out_seq", [](const NativeEngine& self) { return self.shard().out_seq; })
      .def_prop_ro("reference_version",
                   [](const NativeEngine& self) { return self.shard().reference_version; })
      .def("counters", &venuefold::counters)
      .def("step", &NativeEngine::step, nb::arg("batch"),
           nb::arg("limit_ns") = venuefold::kInt64Max, nb::arg("stop_on_child") = false)
      .def("state_bytes", &NativeEngine::state_bytes)
      .def("restore", &NativeEngine::restore, nb::arg("data"));
  module.def("describe_layouts", &venuefold::describe_layouts);
  module.def("codes", &venuefold::codes);
  module.def("slots", &venuefold::slots);
}

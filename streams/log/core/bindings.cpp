// The Python face of the journal; the only file that knows nanobind.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>

#include <cstring>

#include "crc32c.hpp"
#include "schemas/core/slots.hpp"
#include "tick_codec.hpp"
#include "writer.hpp"

namespace nb = nanobind;

namespace venuefold {
namespace {

// Longest stay in native code between two looks at pending signals (Ctrl-C).
constexpr std::chrono::milliseconds kSignalCheck{50};

// A contiguous read-only look at any object with the buffer protocol.
class Buffer {
 public:
  explicit Buffer(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw nb::python_error();
  }
  ~Buffer() { PyBuffer_Release(&view_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  Bytes bytes() const {
    return {static_cast<const std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)};
  }

 private:
  Py_buffer view_{};
};

nb::bytes to_bytes(const Digest& digest) { return nb::bytes(digest.data(), digest.size()); }

Digest to_digest(nb::handle object) {
  const Buffer buffer(object);
  Digest digest;
  if (buffer.bytes().size != digest.size()) {
    throw std::invalid_argument("chain_head: must be 32 bytes");
  }
  std::memcpy(digest.data(), buffer.bytes().data, digest.size());
  return digest;
}

Stream to_stream(const std::string& name) {
  if (name == "inputs") return Stream::inputs;
  if (name == "outputs") return Stream::outputs;
  throw std::invalid_argument("stream: must be 'inputs' or 'outputs', not '" + name + "'");
}

bool is_synced(const std::string& durability) {
  if (durability != "group" && durability != "none") {
    throw std::invalid_argument("durability: must be 'group' or 'none', not '" + durability + "'");
  }
  return durability == "group";
}

bool is_compressed(const std::string& codec) {
  if (codec != "delta" && codec != "none") {
    throw std::invalid_argument("codec: must be 'delta' or 'none', not '" + codec + "'");
  }
  return codec == "delta";
}

void check_signals() {
  if (PyErr_CheckSignals() != 0) throw nb::python_error();
}

void raise_python(const char* module, const char* name, const nb::object& arguments) {
  const nb::object type = nb::module_::import_(module).attr(name);
  const nb::object error = type(*nb::borrow<nb::tuple>(arguments));
  PyErr_SetObject(type.ptr(), error.ptr());
}

void translate(const std::exception_ptr& pointer, void*) {
  try {
    std::rethrow_exception(pointer);
  } catch (const WriteFailure& failure) {
    raise_python("streams.log.errors", "LogWriteError",
                 nb::make_tuple(failure.path, failure.operation, failure.error, failure.offset,
                                failure.durable_seq));
  } catch (const std::invalid_argument& error) {
    raise_python("schemas.errors", "InputError", nb::make_tuple(error.what()));
  }
}

std::uint64_t append(SegmentWriter& writer, nb::handle payload, std::uint32_t count,
                     std::int64_t last_log_ns) {
  const Buffer buffer(payload);
  for (;;) {
    {
      nb::gil_scoped_release released;
      const auto seq = writer.append(buffer.bytes(), count, last_log_ns, kSignalCheck);
      if (seq) return *seq;
    }
    check_signals();
  }
}

bool wait_durable(SegmentWriter& writer, std::uint64_t seq, double timeout_s) {
  const auto timeout = std::chrono::duration_cast<SegmentWriter::Clock::duration>(
      std::chrono::duration<double>(timeout_s));
  const auto deadline = SegmentWriter::Clock::now() + timeout;
  for (;;) {
    {
      nb::gil_scoped_release released;
      const auto left = deadline - SegmentWriter::Clock::now();
      if (writer.wait_durable(seq, std::min<SegmentWriter::Clock::duration>(left, kSignalCheck))) {
        return true;
      }
      if (SegmentWriter::Clock::now() >= deadline) return false;
    }
    check_signals();
  }
}

nb::dict stats_dict(const SegmentWriter& writer) {
  const WriterStats stats = writer.stats();
  nb::dict result;
  result["groups"] = stats.groups;
  result["records"] = stats.records;
  result["bytes"] = stats.bytes;
  result["stored_bytes"] = stats.stored_bytes;
  result["write_ns"] = stats.write_ns;
  result["segments"] = stats.segments;
  result["sync_ns"] = stats.sync_ns;
  result["sync_ns_max"] = stats.sync_ns_max;
  result["blocked_ns"] = stats.blocked_ns;
  result["queue_bytes_max"] = stats.queue_bytes_max;
  return result;
}

void register_writer(nb::module_& module) {
  nb::class_<SegmentWriter>(module, "SegmentWriter")
      .def(
          "__init__",
          [](SegmentWriter* self, const std::string& directory, const std::string& stream,
             std::uint32_t shard, std::uint64_t next_seq, nb::handle chain_head,
             const std::string& durability, std::size_t group_bytes, std::uint64_t group_us,
             std::uint64_t segment_bytes, std::size_t queue_bytes, SegmentWriter* inputs,
             const std::string& codec) {
            const Stream kind = to_stream(stream);
            const Digest head =
                chain_head.is_none() ? chain_origin(kind, shard) : to_digest(chain_head);
            new (self) SegmentWriter({directory, kind, shard, next_seq, head,
                                      is_synced(durability), group_bytes, group_us, segment_bytes,
                                      queue_bytes, is_compressed(codec), inputs});
          },
          nb::arg("directory"), nb::arg("stream"), nb::arg("shard"), nb::arg("next_seq") = 1,
          nb::arg("chain_head") = nb::none(), nb::arg("durability") = "group",
          nb::arg("group_bytes") = std::size_t{1} << 20, nb::arg("group_us") = 500,
          nb::arg("segment_bytes") = std::uint64_t{128} << 20,
          nb::arg("queue_bytes") = std::size_t{16} << 20, nb::arg("inputs") = nb::none(),
          nb::arg("codec") = "delta", nb::keep_alive<1, 12>())
      .def("append", &append, nb::arg("payload"), nb::arg("count"), nb::arg("last_log_ns"))
      .def("wait_durable", &wait_durable, nb::arg("seq"), nb::arg("timeout_s") = 30.0)
      .def("close", &SegmentWriter::close, nb::call_guard<nb::gil_scoped_release>())
      .def("stats", &stats_dict)
      .def("position",
           [](const SegmentWriter& writer) {
             const Position position = writer.durable();
             return nb::make_tuple(position.seq, to_bytes(position.chain_head));
           })
      .def_prop_ro("next_seq", &SegmentWriter::next_seq)
      .def_prop_ro("durable_seq", [](const SegmentWriter& writer) { return writer.durable().seq; })
      .def_prop_ro("chain_head", [](const SegmentWriter& writer) {
        return to_bytes(writer.durable().chain_head);
      });
}

nb::object parse_segment_header(nb::handle file) {
  const Buffer buffer(file);
  SegmentHeader header;
  if (const char* fault = segment_fault(buffer.bytes(), &header)) return nb::str(fault);
  const auto stream = static_cast<Stream>(header.stream);
  return nb::make_tuple(stream_name(stream), header.shard, header.first_seq, header.crc,
                        to_bytes(header.chain_head));
}

FrameCheck bound_check_frame(const std::string& stream, std::uint32_t segment_crc, nb::handle file,
                             std::size_t offset, std::uint64_t next_seq, nb::handle head) {
  const Buffer buffer(file);
  if (offset > buffer.bytes().size) throw std::invalid_argument("offset: beyond the file");
  const bool chained = !head.is_none();
  const Digest before = chained ? to_digest(head) : Digest{};
  const Stream kind = to_stream(stream);
  nb::gil_scoped_release released;
  return check_frame(kind, segment_crc, buffer.bytes(), offset, next_seq,
                     chained ? &before : nullptr);
}

std::int64_t bound_find_frame(const std::string& stream, std::uint32_t segment_crc, nb::handle file,
                              std::size_t from) {
  const Buffer buffer(file);
  const Stream kind = to_stream(stream);
  nb::gil_scoped_release released;
  return find_frame(kind, segment_crc, buffer.bytes(), from);
}

nb::bytes bound_record_offsets(const std::string& stream, nb::handle payload) {
  const Buffer buffer(payload);
  const auto offsets = record_offsets(to_stream(stream), buffer.bytes());
  return nb::bytes(offsets.data(), offsets.size() * sizeof offsets[0]);
}

nb::tuple bound_chain_records(const std::string& stream, nb::handle head, nb::handle payload) {
  const Buffer buffer(payload);
  std::vector<Digest> table;
  const Digest after = chain_records(to_stream(stream), to_digest(head), buffer.bytes(), &table);
  return nb::make_tuple(to_bytes(after), nb::bytes(table.data(), table.size() * sizeof(Digest)));
}

void register_format(nb::module_& module) {
  nb::class_<FrameCheck>(module, "FrameCheck")
      .def_prop_ro("fault", [](const FrameCheck& check) { return fault_name(check.fault); })
      .def_prop_ro("is_intact", [](const FrameCheck& check) { return check.fault > Fault::crc; })
      .def_ro("frame_bytes", &FrameCheck::frame_bytes)
      .def_ro("table_offset", &FrameCheck::table_offset)
      .def_prop_ro("payload_bytes",
                   [](const FrameCheck& check) { return check.header.payload_bytes; })
      .def_prop_ro("decoded",
                   [](const FrameCheck& check) -> nb::object {
                     if (check.header.codec == kCodecNone) return nb::none();
                     return nb::bytes(check.decoded.data(), check.decoded.size());
                   })
      .def_prop_ro("codec", [](const FrameCheck& check) { return check.header.codec; })
      .def_prop_ro("count", [](const FrameCheck& check) { return check.header.count; })
      .def_prop_ro("first_seq", [](const FrameCheck& check) { return check.header.first_seq; })
      .def_prop_ro("last_log_ns", [](const FrameCheck& check) { return check.header.last_log_ns; })
      .def_prop_ro("chain_head",
                   [](const FrameCheck& check) { return to_bytes(check.header.chain_head); });
  module.def("parse_segment_header", &parse_segment_header, nb::arg("file"));
  module.def("check_frame", &bound_check_frame, nb::arg("stream"), nb::arg("segment_crc"),
             nb::arg("file"), nb::arg("offset"), nb::arg("next_seq"), nb::arg("head").none());
  module.def("find_frame", &bound_find_frame, nb::arg("stream"), nb::arg("segment_crc"),
             nb::arg("file"), nb::arg("start"));
  module.def("record_offsets", &bound_record_offsets, nb::arg("stream"), nb::arg("payload"));
  module.def("chain_records", &bound_chain_records, nb::arg("stream"), nb::arg("head"),
             nb::arg("payload"));
  module.def(
      "chain_origin",
      [](const std::string& stream, std::uint32_t shard) {
        return to_bytes(chain_origin(to_stream(stream), shard));
      },
      nb::arg("stream"), nb::arg("shard"));
  module.def("slots", [] { return nb::bytes(kSlots.data(), kSlots.size()); });
}

nb::bytes hash_with(Compress compress, nb::handle data) {
  const Buffer buffer(data);
  Sha256 hash(compress);
  hash.update(buffer.bytes().data, buffer.bytes().size);
  return to_bytes(hash.finish());
}

nb::object bound_encode(nb::handle plain) {
  const Buffer buffer(plain);
  std::vector<std::uint8_t> encoded;
  if (!encode_ticks(buffer.bytes(), encoded)) return nb::none();
  return nb::bytes(encoded.data(), encoded.size());
}

nb::object bound_decode(nb::handle encoded) {
  const Buffer buffer(encoded);
  std::vector<std::uint8_t> plain;
  if (!decode_ticks(buffer.bytes(), plain)) return nb::none();
  return nb::bytes(plain.data(), plain.size());
}

void register_codec(nb::module_& module) {
  module.def("encode_ticks", &bound_encode, nb::arg("plain"));
  module.def("decode_ticks", &bound_decode, nb::arg("encoded"));
}

void register_digests(nb::module_& module) {
  using Crc = std::uint32_t (*)(std::uint32_t, const std::uint8_t*, std::size_t);
  const auto checksum = [](Crc crc, nb::handle data, std::uint32_t start) {
    const Buffer buffer(data);
    return crc(start, buffer.bytes().data, buffer.bytes().size);
  };
  module.def("sha256", [](nb::handle data) { return hash_with(compress_best(), data); });
  module.def("sha256_scalar", [](nb::handle data) { return hash_with(compress_scalar, data); });
  module.def(
      "crc32c",
      [checksum](nb::handle data, std::uint32_t start) { return checksum(crc32c, data, start); },
      nb::arg("data"), nb::arg("start") = 0);
  module.def(
      "crc32c_table",
      [checksum](nb::handle data, std::uint32_t start) {
        return checksum(crc32c_table, data, start);
      },
      nb::arg("data"), nb::arg("start") = 0);
  module.def("instructions",
             [] { return nb::make_tuple(has_sha_instructions(), has_crc_instruction()); });
}

}  // namespace
}  // namespace venuefold

NB_MODULE(_journal, module) {
  nb::register_exception_translator(venuefold::translate);
  venuefold::register_writer(module);
  venuefold::register_format(module);
  venuefold::register_codec(module);
  venuefold::register_digests(module);
}

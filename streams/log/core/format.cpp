#include "format.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include "crc32c.hpp"
#include "schemas/core/layout.hpp"
#include "schemas/core/slots.hpp"
#include "tick_codec.hpp"

namespace venuefold {
namespace {

constexpr std::size_t kOutHeader = 40;
constexpr std::size_t kCrcOffset = offsetof(FrameHeader, crc);
constexpr std::size_t kAfterCrc = kCrcOffset + sizeof(std::uint32_t);

const std::uint8_t* raw(const void* object) { return static_cast<const std::uint8_t*>(object); }

Bytes from(Bytes bytes, std::size_t offset) {
  return {bytes.data + offset, bytes.size - offset};
}

// Reads the header at `offset` and says whether a whole frame can lie there.
FrameCheck read_header(Stream stream, Bytes file, std::size_t offset) {
  FrameCheck check;
  if (file.size - offset < sizeof(FrameHeader)) {
    check.fault = Fault::short_header;
    return check;
  }
  std::memcpy(&check.header, file.data + offset, sizeof(FrameHeader));
  const FrameHeader& header = check.header;
  if (std::memcmp(header.magic, kFrameMagic, sizeof kFrameMagic) != 0) {
    check.fault = Fault::magic;
    return check;
  }
  const std::size_t table = table_bytes(stream, header.count);
  check.frame_bytes = sizeof(FrameHeader) + header.payload_bytes + table;
  check.table_offset = table > 0 ? check.frame_bytes - table : 0;
  if (check.frame_bytes > file.size - offset) check.fault = Fault::length;
  return check;
}

bool crc_matches(std::uint32_t segment_crc, const FrameCheck& check, const std::uint8_t* frame) {
  const Bytes body{frame + sizeof(FrameHeader), check.frame_bytes - sizeof(FrameHeader)};
  return frame_crc(segment_crc, check.header, body, {nullptr, 0}) == check.header.crc;
}

Fault check_chain(Stream stream, const FrameCheck& check, const std::uint8_t* frame, Bytes payload,
                  const Digest& head) {
  std::vector<Digest> table;
  const bool with_table = check.table_offset > 0;
  const Digest after = chain_records(stream, head, payload, with_table ? &table : nullptr);
  if (after != check.header.chain_head) return Fault::chain;
  const bool same = !with_table || std::memcmp(table.data(), frame + check.table_offset,
                                               table.size() * sizeof(Digest)) == 0;
  return same ? Fault::none : Fault::chain;
}

// Decodes the payload where it is stored in another form; false when that cannot be.
bool plain_payload(Stream stream, FrameCheck& check, const std::uint8_t* frame, Bytes& payload) {
  const Bytes stored{frame + sizeof(FrameHeader), check.header.payload_bytes};
  payload = stored;
  if (check.header.codec == kCodecNone) return true;
  if (check.header.codec != kCodecDelta || stream != Stream::inputs) return false;
  if (!decode_ticks(stored, check.decoded)) return false;
  payload = {check.decoded.data(), check.decoded.size()};
  return true;
}

Fault check_contents(Stream stream, FrameCheck& check, const std::uint8_t* frame,
                     std::uint64_t next_seq, const Digest* head) {
  if (check.header.first_seq != next_seq) return Fault::seq;
  Bytes payload{};
  if (!plain_payload(stream, check, frame, payload)) return Fault::codec;
  const std::int64_t count = scan_records(stream, payload).count;
  if (count < 1 || count != static_cast<std::int64_t>(check.header.count)) return Fault::records;
  return head == nullptr ? Fault::none : check_chain(stream, check, frame, payload, *head);
}

}  // namespace

const char* stream_name(Stream stream) {
  return stream == Stream::inputs ? "inputs" : "outputs";
}

const char* fault_name(Fault fault) {
  constexpr const char* names[] = {"none", "short_header", "magic",   "length", "crc",
                                   "codec", "seq",         "records", "chain"};
  static_assert(std::size(names) == static_cast<std::size_t>(Fault::chain) + 1);
  return names[static_cast<std::size_t>(fault)];
}

Digest chain_origin(Stream stream, std::uint32_t shard) {
  const std::string text = std::string("venuefold:") + stream_name(stream) + ":" +
                           std::to_string(shard);
  Sha256 hash(compress_best());
  hash.update(raw(text.data()), text.size());
  return hash.finish();
}

std::size_t record_bytes(Stream stream, Bytes rest) {
  std::size_t size = 0;
  if (stream == Stream::inputs) {
    if (rest.size >= kSlot) size = kSlot * kSlots[rest.data[0]];
  } else if (rest.size >= kOutHeader) {
    std::uint32_t stated;
    std::memcpy(&stated, rest.data, sizeof stated);
    if (stated >= kOutHeader && stated % 8 == 0) size = stated;
  }
  return size <= rest.size ? size : 0;
}

std::vector<std::uint64_t> record_offsets(Stream stream, Bytes payload) {
  std::vector<std::uint64_t> offsets;
  offsets.reserve(payload.size / kSlot);
  for (std::size_t at = 0; at < payload.size;) {
    const std::size_t size = record_bytes(stream, from(payload, at));
    if (size == 0) return {};
    offsets.push_back(at);
    at += size;
  }
  return offsets;
}

RecordScan scan_records(Stream stream, Bytes payload) {
  RecordScan scan;
  for (std::size_t at = 0; at < payload.size; ++scan.count) {
    const std::size_t size = record_bytes(stream, from(payload, at));
    if (size == 0) return {-1, at};
    scan.last_offset = at;
    at += size;
  }
  return scan;
}

Digest chain_records(Stream stream, Digest head, Bytes payload, std::vector<Digest>* table) {
  const Compress compress = compress_best();
  for (std::size_t at = 0; at < payload.size;) {
    const std::size_t size = record_bytes(stream, from(payload, at));
    if (size == 0) break;
    Sha256 hash(compress);
    hash.update(head.data(), head.size());
    hash.update(payload.data + at, size);
    head = hash.finish();
    if (table != nullptr) table->push_back(head);
    at += size;
  }
  return head;
}

SegmentHeader make_segment_header(Stream stream, std::uint32_t shard, std::uint64_t first_seq,
                                  std::uint64_t salt, const Digest& head) {
  SegmentHeader header{kSegmentMagic, kFormatVersion, static_cast<std::uint8_t>(stream), 0, shard,
                       0,             first_seq,      salt,                               head};
  header.crc = crc32c(0, raw(&header), sizeof header);
  return header;
}

const char* segment_fault(Bytes file, SegmentHeader* header) {
  if (file.size < sizeof(SegmentHeader)) return "the segment header is incomplete";
  std::memcpy(header, file.data, sizeof(SegmentHeader));
  SegmentHeader copy = *header;
  copy.crc = 0;
  if (header->magic != kSegmentMagic) return "the file does not start like a segment";
  if (crc32c(0, raw(&copy), sizeof copy) != header->crc) return "the segment header is damaged";
  if (header->version != kFormatVersion) return "the segment has a format version not known here";
  return nullptr;
}

std::size_t table_bytes(Stream stream, std::uint32_t count) {
  return stream == Stream::outputs ? count * sizeof(Digest) : 0;
}

std::uint32_t frame_crc(std::uint32_t segment_crc, const FrameHeader& header, Bytes payload,
                        Bytes table) {
  std::uint32_t crc = crc32c(segment_crc, raw(&header), kCrcOffset);
  crc = crc32c(crc, raw(&header) + kAfterCrc, sizeof header - kAfterCrc);
  crc = crc32c(crc, payload.data, payload.size);
  return table.size > 0 ? crc32c(crc, table.data, table.size) : crc;
}

FrameCheck check_frame(Stream stream, std::uint32_t segment_crc, Bytes file, std::size_t offset,
                       std::uint64_t next_seq, const Digest* head) {
  FrameCheck check = read_header(stream, file, offset);
  if (check.fault != Fault::none) return check;
  const std::uint8_t* frame = file.data + offset;
  check.fault = crc_matches(segment_crc, check, frame)
                    ? check_contents(stream, check, frame, next_seq, head)
                    : Fault::crc;
  return check;
}

std::int64_t find_frame(Stream stream, std::uint32_t segment_crc, Bytes file, std::size_t from) {
  const std::uint8_t* end = file.data + file.size;
  for (const std::uint8_t* at = file.data + std::min(from, file.size);; ++at) {
    at = std::search(at, end, std::begin(kFrameMagic), std::end(kFrameMagic));
    if (at == end) return -1;
    const FrameCheck check =
        read_header(stream, file, static_cast<std::size_t>(at - file.data));
    if (check.fault == Fault::none && crc_matches(segment_crc, check, at)) return at - file.data;
  }
}

}  // namespace venuefold

// The bytes of a segment file.
//
// A segment is one 64-byte segment header and then frames, nothing between them. A frame is a
// 64-byte frame header, the payload (whole records, each a multiple of 8 bytes) and, for outputs
// only, a table with the 32-byte chain value of every record. All numbers are little endian.
//
// Codec 0 stores the payload as it is. Codec 1 (inputs only, tick_codec.hpp) stores differences;
// `payload_bytes` and the CRC are of the stored bytes, count and chain of the plain records.
//
// A group of appends is written and synced as ONE frame, so a power cut can spoil only the last
// frame of the last segment: anything damaged that has a frame after it was damaged later.
//
// The CRC-32C of a frame starts from the CRC of its segment header, which covers a random salt.
// So a frame from another segment never passes, nor does one that a client hides in an order.
//
// Chain: h(n) = SHA-256(h(n-1) || record n), h(0) = SHA-256("venuefold:<stream>:<shard>").
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sha256.hpp"

namespace venuefold {

constexpr std::uint32_t kSegmentMagic = 0x46564C53;
constexpr std::uint16_t kFormatVersion = 1;
constexpr std::uint8_t kFrameMagic[3] = {0xF5, 0x56, 0x46};
constexpr std::uint8_t kCodecNone = 0;
constexpr std::uint8_t kCodecDelta = 1;
constexpr std::size_t kMaxPayload = std::size_t{1} << 30;

enum class Stream : std::uint8_t { inputs = 1, outputs = 2 };

struct SegmentHeader {
  std::uint32_t magic;
  std::uint16_t version;
  std::uint8_t stream;
  std::uint8_t reserved;
  std::uint32_t shard;
  std::uint32_t crc;  // of this header with crc = 0
  std::uint64_t first_seq;
  std::uint64_t salt;
  Digest chain_head;  // before the first record
};
static_assert(sizeof(SegmentHeader) == 64);

struct FrameHeader {
  std::uint8_t magic[3];
  std::uint8_t codec;
  std::uint32_t payload_bytes;  // stored
  std::uint32_t crc;  // of this header without the field, payload and table
  std::uint32_t count;
  std::uint64_t first_seq;
  std::int64_t last_log_ns;
  Digest chain_head;  // after the last record
};
static_assert(sizeof(FrameHeader) == 64);

struct Bytes {
  const std::uint8_t* data;
  std::size_t size;
};

// What is wrong with a frame. Up to `crc`, the bytes are not what was written; after it, they are
// intact and contradict what came before, so they can never be a torn write.
enum class Fault : std::uint8_t {
  none,
  short_header,
  magic,
  length,
  crc,
  codec,
  seq,
  records,
  chain,
};

struct FrameCheck {
  Fault fault = Fault::none;
  FrameHeader header{};
  std::size_t frame_bytes = 0;
  std::size_t table_offset = 0;  // from the start of the frame; 0 when there is no table
  std::vector<std::uint8_t> decoded;  // the plain payload, when a codec stored another one
};

const char* stream_name(Stream stream);
const char* fault_name(Fault fault);
Digest chain_origin(Stream stream, std::uint32_t shard);

// Bytes of the record at the start of `rest`, 0 when no whole record is there.
std::size_t record_bytes(Stream stream, Bytes rest);
// Offset of every record; empty when the payload does not end with a whole record.
std::vector<std::uint64_t> record_offsets(Stream stream, Bytes payload);
// Number of records in `payload`, -1 when it does not end with a whole record, and where the last
// one starts.
struct RecordScan {
  std::int64_t count = 0;
  std::size_t last_offset = 0;
};
RecordScan scan_records(Stream stream, Bytes payload);
// Head of the chain after all records; appends each record's value to `table` unless it is null.
Digest chain_records(Stream stream, Digest head, Bytes payload, std::vector<Digest>* table);

SegmentHeader make_segment_header(Stream stream, std::uint32_t shard, std::uint64_t first_seq,
                                  std::uint64_t salt, const Digest& head);
// Why the header is not one, or null.
const char* segment_fault(Bytes file, SegmentHeader* header);

std::size_t table_bytes(Stream stream, std::uint32_t count);
std::uint32_t frame_crc(std::uint32_t segment_crc, const FrameHeader& header, Bytes payload,
                        Bytes table);

// Checks the frame at `offset` against the next seq and, unless `head` is null, the chain.
FrameCheck check_frame(Stream stream, std::uint32_t segment_crc, Bytes file, std::size_t offset,
                       std::uint64_t next_seq, const Digest* head);
// Offset of the first intact frame at or after `from`, -1 when there is none.
std::int64_t find_frame(Stream stream, std::uint32_t segment_crc, Bytes file, std::size_t from);

}  // namespace venuefold

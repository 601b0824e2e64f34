#include <algorithm>
#include <cstring>
#include <vector>

#include "crc32c.hpp"
#include "format.hpp"
#include "schemas/core/layout.hpp"
#include "schemas/core/slots.hpp"
#include "targets.hpp"
#include "tick_codec.hpp"

namespace venuefold::fuzz {
namespace {

constexpr std::size_t kFrameRecords = 40;
constexpr std::uint32_t kSegmentCrc = 0x1234ABCD;

// Whole records from a random place of the corpus on.
std::vector<std::uint8_t> some_records(Random& random, Corpus corpus) {
  std::vector<std::uint8_t> taken;
  std::size_t skip = random.below(1'000);
  std::size_t left = 1 + random.below(kFrameRecords);
  for (std::size_t at = 0; at < corpus.size() && left > 0;) {
    const std::size_t size = kSlots[corpus[at]] * kSlot;
    if (at + size > corpus.size()) break;
    if (skip > 0) {
      --skip;
    } else {
      taken.insert(taken.end(), corpus.begin() + static_cast<std::ptrdiff_t>(at),
                   corpus.begin() + static_cast<std::ptrdiff_t>(at + size));
      --left;
    }
    at += size;
  }
  return taken;
}

std::vector<std::uint8_t> frame_of(const std::vector<std::uint8_t>& plain, Random& random) {
  std::vector<std::uint8_t> encoded;
  const bool packed = random.one_in(2) && encode_ticks({plain.data(), plain.size()}, encoded);
  const std::vector<std::uint8_t>& stored = packed ? encoded : plain;
  const RecordScan scan = scan_records(Stream::inputs, {plain.data(), plain.size()});
  FrameHeader header{};
  std::memcpy(header.magic, kFrameMagic, sizeof kFrameMagic);
  header.codec = packed ? kCodecDelta : kCodecNone;
  header.payload_bytes = static_cast<std::uint32_t>(stored.size());
  header.count = static_cast<std::uint32_t>(scan.count);
  header.first_seq = 1;
  header.chain_head = chain_records(Stream::inputs, chain_origin(Stream::inputs, 0),
                                    {plain.data(), plain.size()}, nullptr);
  header.crc = frame_crc(kSegmentCrc, header, {stored.data(), stored.size()}, {nullptr, 0});
  std::vector<std::uint8_t> frame(sizeof header);
  std::memcpy(frame.data(), &header, sizeof header);
  frame.insert(frame.end(), stored.begin(), stored.end());
  return frame;
}

// A checksum that fits: what is wrong behind it must be found by the checks after it.
void seal(std::vector<std::uint8_t>& frame) {
  if (frame.size() < sizeof(FrameHeader)) return;
  FrameHeader header;
  std::memcpy(&header, frame.data(), sizeof header);
  const std::size_t rest = frame.size() - sizeof header;
  const std::size_t stored = std::min<std::size_t>(header.payload_bytes, rest);
  header.crc = frame_crc(kSegmentCrc, header, {frame.data() + sizeof header, stored}, {nullptr, 0});
  std::memcpy(frame.data(), &header, sizeof header);
}

}  // namespace

std::uint64_t tick_codec(Random& random, Corpus corpus, std::uint64_t count) {
  std::vector<std::uint8_t> encoded;
  std::vector<std::uint8_t> decoded;
  for (std::uint64_t done = 0; done < count; ++done) {
    const std::vector<std::uint8_t> plain = some_records(random, corpus);
    if (!encode_ticks({plain.data(), plain.size()}, encoded)) continue;
    if (!decode_ticks({encoded.data(), encoded.size()}, decoded) || decoded != plain) {
      broken("records do not come back from their differences");
    }
    const std::vector<std::uint8_t> wrong = spoiled(random, encoded);
    if (decode_ticks({wrong.data(), wrong.size()}, decoded) && decoded.size() > 13 * wrong.size()) {
      broken("a short payload grew without bound");
    }
  }
  return count;
}

std::uint64_t segment_frames(Random& random, Corpus corpus, std::uint64_t count) {
  const Digest origin = chain_origin(Stream::inputs, 0);
  for (std::uint64_t done = 0; done < count; ++done) {
    const std::vector<std::uint8_t> plain = some_records(random, corpus);
    const std::vector<std::uint8_t> frame = frame_of(plain, random);
    const Bytes whole{frame.data(), frame.size()};
    if (check_frame(Stream::inputs, kSegmentCrc, whole, 0, 1, &origin).fault != Fault::none) {
      broken("a good frame was refused");
    }
    std::vector<std::uint8_t> wrong = spoiled(random, frame);
    const bool differs = wrong != frame;
    if (random.one_in(2)) seal(wrong);
    const Bytes bytes{wrong.data(), wrong.size()};
    const FrameCheck found = check_frame(Stream::inputs, kSegmentCrc, bytes, 0, 1, &origin);
    const bool same_start =
        wrong.size() >= frame.size() && std::equal(frame.begin(), frame.end(), wrong.begin());
    const bool same_time = std::memcmp(&found.header.last_log_ns, frame.data() + 24, 8) == 0;
    if (differs && found.fault == Fault::none && !same_start && same_time) {
      broken("a spoiled frame passed for a good one");
    }
    find_frame(Stream::inputs, kSegmentCrc, bytes, random.below(wrong.size() + 1));
  }
  return count;
}

}  // namespace venuefold::fuzz

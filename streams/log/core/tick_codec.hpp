// Codec 1: input records as differences from what a reader can predict, without loss.
//
// A payload is 64-byte slots of eight 64-bit words. For each slot of a frame:
//   5 bytes  control: 12 bits that choose a context by the hash of word 0 (4095: word 0 follows in
//            full), then seven 4-bit lengths, 0 to 8, of the bytes of words 1 to 7;
//   bytes    zigzag differences of these words from their prediction.
// Words are predicted from the last slot with the same word 0 (type, venue, source, instrument),
// except in the first slot of a record: source_seq follows the last one of its source, log_ns the
// last one of the frame, and venue_ns keeps its distance to log_ns. A frame starts from nothing, so
// each can be read alone. Bytes: 4 of the plain size, the slots, 8 of zero.
#pragma once

#include <cstdint>
#include <vector>

#include "format.hpp"

namespace venuefold {

// Replaces `encoded`; false when that saves nothing and the payload is better stored as it is.
bool encode_ticks(Bytes plain, std::vector<std::uint8_t>& encoded);

// Replaces `plain`; false when the bytes are not what encode_ticks makes. Never makes more than
// 13 bytes from one.
bool decode_ticks(Bytes encoded, std::vector<std::uint8_t>& plain);

}  // namespace venuefold

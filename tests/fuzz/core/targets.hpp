// The decoders under fire. Each target eats at least `count` inputs and returns how many it ate; a
// decoder that reads out of bounds or overflows ends the process, one that lies ends it with words.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "mutate.hpp"

namespace venuefold::fuzz {

using Corpus = std::span<const std::uint8_t>;

// Input records, one in four of them spoiled, through the whole engine.
std::uint64_t engine_records(Random& random, Corpus corpus, const std::string& generation,
                             std::uint64_t count);
// Encodings of the engine's state, spoiled: refused, or taken over whole.
std::uint64_t engine_state(Random& random, Corpus corpus, const std::string& generation,
                           std::uint64_t count);
// Stored differences of input records.
std::uint64_t tick_codec(Random& random, Corpus corpus, std::uint64_t count);
// Frames of segment files, half of them with a checksum that fits the spoiled bytes.
std::uint64_t segment_frames(Random& random, Corpus corpus, std::uint64_t count);

[[noreturn]] void broken(const char* what);

}  // namespace venuefold::fuzz

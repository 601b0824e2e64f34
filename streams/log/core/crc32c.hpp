// CRC-32C (Castagnoli, RFC 3720 B.4), with the processor's instruction where it has one.
#pragma once

#include <cstddef>
#include <cstdint>

namespace venuefold {

// Continues `crc` (0 to start) over `size` bytes.
std::uint32_t crc32c(std::uint32_t crc, const std::uint8_t* data, std::size_t size);
std::uint32_t crc32c_table(std::uint32_t crc, const std::uint8_t* data, std::size_t size);
bool has_crc_instruction();

}  // namespace venuefold

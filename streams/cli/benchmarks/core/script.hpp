// A script of input records that can be folded over and over, each pass as news.
//
// The engine drops repeats and refuses time that goes back, so a second pass moves every time,
// source_seq and ClOrdID on by what one pass spans.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "engine.hpp"
#include "schemas/core/decisions.hpp"
#include "schemas/core/layout.hpp"

namespace venuefold::bench {

std::vector<std::uint8_t> read_file(const char* path);

class Script {
 public:
  explicit Script(std::vector<std::uint8_t> records);
  // Rewrites the records for the next pass.
  void next_pass();
  const std::uint8_t* data() const { return records_.data(); }
  std::size_t size() const { return records_.size(); }
  std::size_t orders() const { return orders_; }

 private:
  std::vector<std::uint8_t> records_;
  std::array<std::uint64_t, 256> counts_{};
  std::int64_t span_ns_ = 0;
  std::size_t orders_ = 0;
  std::uint32_t pass_ = 0;
};

// Bytes of the record at `data`.
std::size_t record_bytes(const std::uint8_t* data);

// An engine that has folded the records of a file.
Engine prepared(const char* path, const std::string& generation);

// Answers every child that the last step of `engine` sent as venues usually do: most are filled.
// Ends the program where an order was refused.
class Venues {
 public:
  void answer(Engine& engine);

 private:
  void answer(const out::Child& child);
  void refuse(const out::Refusal& refusal);
  void add(ExecReport& report);

  std::vector<std::uint8_t> reports_;
  std::uint64_t seq_ = 0;
};

// Calls of operator new in this program so far.
std::uint64_t allocator_calls();
std::int64_t now_ns();
// Writes samples as doubles to standard output.
void write_samples(const std::vector<double>& samples);
[[noreturn]] void fail(const std::string& what);

}  // namespace venuefold::bench

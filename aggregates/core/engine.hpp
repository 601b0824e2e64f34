// The pure fold of one shard: input records in, output records out.
//
// The readable twin is aggregates/engine.py; both write the same bytes for any input.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "shard.hpp"

namespace venuefold {

class Engine {
 public:
  Engine(std::uint16_t shard, std::string generation)
      : shard_(std::make_unique<Shard>(shard, std::move(generation))) {}

  // Folds whole records with log_ns <= limit_ns; returns the bytes consumed. The outputs stay
  // until the next step.
  std::size_t step(const std::uint8_t* data, std::size_t size, std::int64_t limit_ns,
                   bool stop_on_child);
  const Outputs& outputs() const { return shard_->outputs; }
  const Shard& shard() const { return *shard_; }
  // Decides without writing records, for a benchmark that asks what they cost.
  void leave_out_records() { shard_->desk.writes_records = false; }

  std::vector<std::uint8_t> state_bytes() const { return encode_state(*shard_); }
  // Takes over a state written by state_bytes of either core; throws StateError for other bytes.
  void restore(const std::uint8_t* data, std::size_t size) {
    shard_ = decode_state(data, size, shard_->generation);
  }

 private:
  std::unique_ptr<Shard> shard_;
};

}  // namespace venuefold

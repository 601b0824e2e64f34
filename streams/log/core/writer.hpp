// Group commit: producers append to a bounded queue, one thread chains, frames, writes and syncs.
//
// Everything queued when a group closes becomes one frame, so under load groups grow by themselves
// and one sync serves them all. A group closes when it is `group_bytes` long, when its oldest
// append is `group_us` old, when somebody waits for it, or at close.
//
// A writer of outputs follows the writer of inputs: no group is written before the inputs that it
// reflects are durable, so whoever reads the file never sees an output that could be taken back.
//
// The first failed call poisons the writer: it is kept, thrown by every later append, wait and
// close, and nothing is acknowledged after it. A failed sync is never tried again, because the
// kernel may have dropped the pages and would report success.
#pragma once

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "segment_file.hpp"

namespace venuefold {

class SegmentWriter;

struct WriterOptions {
  std::string directory;
  Stream stream;
  std::uint32_t shard;
  std::uint64_t next_seq;
  Digest chain_head;
  bool sync_groups;
  std::size_t group_bytes;
  std::uint64_t group_us;
  std::uint64_t segment_bytes;
  std::size_t queue_bytes;
  bool is_compressed;
  SegmentWriter* inputs;  // the writer to follow, or null; must outlive this one
};

struct WriterStats {
  std::uint64_t groups = 0;
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
  std::uint64_t stored_bytes = 0;
  std::uint64_t write_ns = 0;  // chain, checksum, encoding and write, without the sync
  std::uint64_t segments = 0;
  std::uint64_t sync_ns = 0;
  std::uint64_t sync_ns_max = 0;
  std::uint64_t blocked_ns = 0;
  std::uint64_t queue_bytes_max = 0;
};

struct Position {
  std::uint64_t seq;
  Digest chain_head;
};

class SegmentWriter {
 public:
  explicit SegmentWriter(WriterOptions options);
  ~SegmentWriter();
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  using Clock = std::chrono::steady_clock;

  // Seq of the first record, or nothing when the queue stayed full for `timeout`.
  // Throws std::invalid_argument when the payload is not `count` whole records.
  std::optional<std::uint64_t> append(Bytes payload, std::uint32_t count, std::int64_t last_log_ns,
                                      Clock::duration timeout);
  // Whether `seq` became durable within `timeout`. Throws std::invalid_argument when it was never
  // appended.
  bool wait_durable(std::uint64_t seq, Clock::duration timeout);
  // Makes everything durable and ends the thread; later appends are refused. Idempotent.
  void close();

  std::uint64_t next_seq() const;
  Position durable() const;
  WriterStats stats() const;

 private:
  // Appends that will become one frame.
  struct Group {
    std::vector<std::uint8_t> payload;
    std::uint64_t first_seq = 0;
    std::uint32_t count = 0;
    std::int64_t last_log_ns = 0;
    std::uint64_t input_seq = 0;  // of the last output
    Clock::time_point opened{};
  };

  void run();
  bool next_group();
  void wait_for_work(std::unique_lock<std::mutex>& lock);
  bool is_group_due() const;
  void write_group();
  void write_frame(const Digest& head);
  bool encode_group();
  void timed_sync();
  void publish(const Digest& head);
  void poison(std::exception_ptr failure);
  void check_usable() const;
  std::uint64_t check_payload(Bytes payload, std::uint32_t count) const;
  std::uint64_t check_outputs(Bytes payload, std::size_t last_offset) const;
  void wait_for_inputs() const;
  std::uint64_t enqueue(Bytes payload, std::uint32_t count);
  bool has_room(std::size_t size) const;

  const WriterOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable work_;     // the thread waits for a group
  std::condition_variable space_;    // producers wait for room
  std::condition_variable durable_;  // readers wait for a seq
  Group filling_;
  std::size_t in_flight_bytes_ = 0;
  std::uint64_t next_seq_;
  std::uint64_t wanted_seq_ = 0;
  Position position_;
  WriterStats stats_;
  std::exception_ptr failure_;
  bool closing_ = false;
  bool asleep_ = false;

  // Touched by the thread only.
  Group writing_;
  std::vector<Digest> table_;
  std::vector<std::uint8_t> encoded_;
  std::unique_ptr<SegmentFile> segment_;
  // Segments end by what they hold, not by their size on disk: a restart reads the last two, and
  // takes as long for records that a codec shortened.
  std::uint64_t segment_plain_bytes_ = 0;

  std::mutex join_mutex_;
  std::thread thread_;
};

}  // namespace venuefold

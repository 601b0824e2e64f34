#include "writer.hpp"

#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "tick_codec.hpp"

namespace venuefold {
namespace {

constexpr std::chrono::microseconds kShortestNap{50};
constexpr std::chrono::microseconds kAttention{100'000};

std::uint64_t elapsed_ns(SegmentWriter::Clock::time_point since) {
  const auto elapsed = SegmentWriter::Clock::now() - since;
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(elapsed).count());
}

// Places in the header of an output record.
constexpr std::size_t kOutSeq = 16;
constexpr std::size_t kInputSeq = 24;

std::uint64_t load_u64(const std::uint8_t* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

SegmentWriter::SegmentWriter(WriterOptions options)
    : options_(std::move(options)),
      next_seq_(options_.next_seq),
      position_{options_.next_seq - 1, options_.chain_head} {
  if (options_.next_seq == 0) throw std::invalid_argument("next_seq: records are numbered from 1");
  if (options_.queue_bytes == 0 || options_.queue_bytes > kMaxPayload) {
    throw std::invalid_argument("queue_bytes: must be 1 to 2^30");
  }
  filling_.payload.reserve(options_.queue_bytes);
  writing_.payload.reserve(options_.queue_bytes);
  thread_ = std::thread(&SegmentWriter::run, this);
}

SegmentWriter::~SegmentWriter() {
  try {
    close();
  } catch (...) {  // a failure was, or would have been, raised by the calls that ask for durability
  }
}

std::optional<std::uint64_t> SegmentWriter::append(Bytes payload, std::uint32_t count,
                                                   std::int64_t last_log_ns,
                                                   Clock::duration timeout) {
  const std::uint64_t input_seq = check_payload(payload, count);
  std::unique_lock lock(mutex_);
  check_usable();
  if (!has_room(payload.size)) {
    const auto blocked = Clock::now();
    const bool room = space_.wait_for(
        lock, timeout, [&] { return has_room(payload.size) || failure_ || closing_; });
    stats_.blocked_ns += elapsed_ns(blocked);
    check_usable();
    if (!room) return std::nullopt;
  }
  if (options_.stream == Stream::outputs && load_u64(payload.data + kOutSeq) != next_seq_) {
    throw std::invalid_argument("payload: its first record has out_seq " +
                                std::to_string(load_u64(payload.data + kOutSeq)) +
                                ", the log is at " + std::to_string(next_seq_) +
                                "; append every output once, in order");
  }
  const std::uint64_t first_seq = enqueue(payload, count);
  filling_.last_log_ns = last_log_ns;
  filling_.input_seq = input_seq;
  const bool wake = asleep_ || is_group_due();
  lock.unlock();  // a thread woken under the lock would only wait for it
  if (wake) work_.notify_one();
  return first_seq;
}

// Throws unless the payload is `count` whole records. The input that the last one reflects, for a
// writer that follows inputs.
std::uint64_t SegmentWriter::check_payload(Bytes payload, std::uint32_t count) const {
  if (payload.size > kMaxPayload) throw std::invalid_argument("payload: longer than 1 GiB");
  const RecordScan scan = scan_records(options_.stream, payload);
  if (scan.count != static_cast<std::int64_t>(count) || count == 0) {
    const std::string holds = scan.count < 0 ? "does not end with a whole record"
                                             : "holds " + std::to_string(scan.count) + " records";
    throw std::invalid_argument("payload: " + std::to_string(payload.size) + " bytes, " + holds +
                                ", count says " + std::to_string(count));
  }
  return options_.inputs == nullptr ? 0 : check_outputs(payload, scan.last_offset);
}

std::uint64_t SegmentWriter::check_outputs(Bytes payload, std::size_t last_offset) const {
  const std::uint64_t input_seq = load_u64(payload.data + last_offset + kInputSeq);
  const std::uint64_t inputs = options_.inputs->next_seq() - 1;
  if (input_seq > inputs) {
    throw std::invalid_argument("payload: outputs of input " + std::to_string(input_seq) +
                                ", only " + std::to_string(inputs) +
                                " are appended; append inputs before their outputs");
  }
  return input_seq;
}

void SegmentWriter::check_usable() const {
  if (failure_) std::rethrow_exception(failure_);
  if (closing_) throw std::invalid_argument("the log writer is closed; open the log again");
}

// A payload longer than the whole queue enters alone.
bool SegmentWriter::has_room(std::size_t size) const {
  const std::size_t queued = filling_.payload.size() + in_flight_bytes_;
  return queued == 0 || queued + size <= options_.queue_bytes;
}

std::uint64_t SegmentWriter::enqueue(Bytes payload, std::uint32_t count) {
  if (filling_.count == 0) {
    filling_.first_seq = next_seq_;
    filling_.opened = Clock::now();
  }
  filling_.payload.insert(filling_.payload.end(), payload.data, payload.data + payload.size);
  filling_.count += count;
  const std::uint64_t first_seq = next_seq_;
  next_seq_ += count;
  stats_.queue_bytes_max = std::max<std::uint64_t>(stats_.queue_bytes_max,
                                                   filling_.payload.size() + in_flight_bytes_);
  return first_seq;
}

bool SegmentWriter::wait_durable(std::uint64_t seq, Clock::duration timeout) {
  std::unique_lock lock(mutex_);
  if (seq >= next_seq_) {
    throw std::invalid_argument("seq " + std::to_string(seq) + " was never appended, the last is " +
                                std::to_string(next_seq_ - 1));
  }
  if (position_.seq >= seq) return true;
  wanted_seq_ = std::max(wanted_seq_, seq);
  work_.notify_one();
  durable_.wait_for(lock, timeout, [&] { return position_.seq >= seq || failure_; });
  if (position_.seq >= seq) return true;
  if (failure_) std::rethrow_exception(failure_);
  return false;
}

void SegmentWriter::close() {
  {
    std::scoped_lock lock(mutex_);
    closing_ = true;
    work_.notify_one();
    space_.notify_all();
  }
  std::scoped_lock lock(join_mutex_);
  if (thread_.joinable()) thread_.join();
  if (failure_) std::rethrow_exception(failure_);
}

std::uint64_t SegmentWriter::next_seq() const {
  std::scoped_lock lock(mutex_);
  return next_seq_;
}

Position SegmentWriter::durable() const {
  std::scoped_lock lock(mutex_);
  return position_;
}

WriterStats SegmentWriter::stats() const {
  std::scoped_lock lock(mutex_);
  return stats_;
}

void SegmentWriter::run() {
  try {
    while (next_group()) write_group();
    if (segment_ && !options_.sync_groups) timed_sync();
    segment_.reset();
  } catch (WriteFailure& failure) {
    failure.durable_seq = position_.seq;
    poison(std::current_exception());
  } catch (...) {
    poison(std::current_exception());
  }
}

// Waits until a group is due and takes it; false when the writer closes with nothing left.
bool SegmentWriter::next_group() {
  std::unique_lock lock(mutex_);
  wait_for_work(lock);
  if (filling_.count == 0) return false;
  const auto deadline = filling_.opened + std::chrono::microseconds(options_.group_us);
  work_.wait_until(lock, deadline, [&] { return is_group_due(); });
  std::swap(filling_, writing_);
  filling_.payload.clear();
  filling_.count = 0;
  in_flight_bytes_ = writing_.payload.size();
  return true;
}

// Waking a thread costs its waker some 10 us. While appends keep coming, the thread looks by itself
// at the pace at which groups age, so that producers need not wake it.
void SegmentWriter::wait_for_work(std::unique_lock<std::mutex>& lock) {
  const auto nap = std::chrono::microseconds(options_.group_us);
  const auto attentive_until = Clock::now() + (nap < kShortestNap ? nap * 0 : kAttention);
  while (filling_.count == 0 && !closing_) {
    if (Clock::now() < attentive_until) {
      work_.wait_for(lock, nap);
    } else {
      asleep_ = true;
      work_.wait(lock);
      asleep_ = false;
    }
  }
}

bool SegmentWriter::is_group_due() const {
  return closing_ || filling_.payload.size() >= options_.group_bytes ||
         wanted_seq_ >= filling_.first_seq;
}

void SegmentWriter::wait_for_inputs() const {
  if (options_.inputs == nullptr) return;
  while (!options_.inputs->wait_durable(writing_.input_seq, kAttention)) {
  }
}

void SegmentWriter::write_group() {
  wait_for_inputs();
  const auto start = Clock::now();
  table_.clear();
  const Bytes payload{writing_.payload.data(), writing_.payload.size()};
  const bool with_table = options_.stream == Stream::outputs;
  const Digest head = chain_records(options_.stream, position_.chain_head, payload,
                                    with_table ? &table_ : nullptr);
  write_frame(head);
  {
    const std::uint64_t took = elapsed_ns(start);
    std::scoped_lock lock(mutex_);
    stats_.write_ns += took;
  }
  if (options_.sync_groups) timed_sync();
  publish(head);
}

void SegmentWriter::write_frame(const Digest& head) {
  if (segment_ && segment_plain_bytes_ >= options_.segment_bytes) {
    if (!options_.sync_groups) timed_sync();  // only the last segment may ever be torn
    segment_.reset();
  }
  if (!segment_) {
    segment_ = std::make_unique<SegmentFile>(options_.directory, options_.stream, options_.shard,
                                             writing_.first_seq, position_.chain_head);
    segment_plain_bytes_ = sizeof(SegmentHeader);
    std::scoped_lock lock(mutex_);
    ++stats_.segments;
  }
  FrameHeader header{};
  std::copy(std::begin(kFrameMagic), std::end(kFrameMagic), header.magic);
  const bool encoded = encode_group();
  const std::vector<std::uint8_t>& stored = encoded ? encoded_ : writing_.payload;
  header.codec = encoded ? kCodecDelta : kCodecNone;
  header.payload_bytes = static_cast<std::uint32_t>(stored.size());
  header.count = writing_.count;
  header.first_seq = writing_.first_seq;
  header.last_log_ns = writing_.last_log_ns;
  header.chain_head = head;
  const auto* table = reinterpret_cast<const std::uint8_t*>(table_.data());
  segment_plain_bytes_ +=
      sizeof header + writing_.payload.size() + table_.size() * sizeof(Digest);
  segment_->write_frame(header, {stored.data(), stored.size()},
                        {table, table_.size() * sizeof(Digest)});
  std::scoped_lock lock(mutex_);
  stats_.stored_bytes += stored.size();
}

// Whether the group is shorter in `encoded_`.
bool SegmentWriter::encode_group() {
  if (!options_.is_compressed || options_.stream != Stream::inputs) return false;
  return encode_ticks({writing_.payload.data(), writing_.payload.size()}, encoded_);
}

void SegmentWriter::timed_sync() {
  const auto start = Clock::now();
  segment_->sync();
  const std::uint64_t took = elapsed_ns(start);
  std::scoped_lock lock(mutex_);
  stats_.sync_ns += took;
  stats_.sync_ns_max = std::max(stats_.sync_ns_max, took);
}

void SegmentWriter::publish(const Digest& head) {
  std::scoped_lock lock(mutex_);
  position_ = {writing_.first_seq + writing_.count - 1, head};
  in_flight_bytes_ = 0;
  ++stats_.groups;
  stats_.records += writing_.count;
  stats_.bytes += writing_.payload.size();
  durable_.notify_all();
  space_.notify_all();
}

void SegmentWriter::poison(std::exception_ptr failure) {
  std::scoped_lock lock(mutex_);
  failure_ = std::move(failure);
  durable_.notify_all();
  space_.notify_all();
}

}  // namespace venuefold

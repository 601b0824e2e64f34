// One segment file being written. Every failed system call throws a WriteFailure.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "format.hpp"

namespace venuefold {

// A call of the write path that failed.
class WriteFailure : public std::runtime_error {
 public:
  WriteFailure(std::string path, std::string operation, int error, std::uint64_t offset);

  std::string path;
  std::string operation;
  int error;  // errno
  std::uint64_t offset;
  std::uint64_t durable_seq = 0;  // what was acknowledged before; filled in by the writer
};

class SegmentFile {
 public:
  // Creates the file (never opens an existing one), makes its header and its name durable.
  SegmentFile(const std::string& directory, Stream stream, std::uint32_t shard,
              std::uint64_t first_seq, const Digest& chain_head);
  ~SegmentFile();
  SegmentFile(const SegmentFile&) = delete;
  SegmentFile& operator=(const SegmentFile&) = delete;

  // Writes a whole frame at the end.
  void write_frame(FrameHeader header, Bytes payload, Bytes table);
  // Makes everything written durable.
  void sync();
  std::uint64_t size() const { return size_; }

 private:
  void write_all(iovec* parts, int count);
  void sync_directory(const std::string& directory) const;

  std::string path_;
  int fd_ = -1;
  std::uint32_t crc_ = 0;
  std::uint64_t size_ = 0;
};

}  // namespace venuefold

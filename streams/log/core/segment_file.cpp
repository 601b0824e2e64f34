#include "segment_file.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace venuefold {
namespace {

std::string segment_path(const std::string& directory, Stream stream, std::uint64_t first_seq) {
  const std::string digits = std::to_string(first_seq);
  return directory + "/" + stream_name(stream) + "-" + std::string(20 - digits.size(), '0') +
         digits + ".seg";
}

std::uint64_t random_salt(const std::string& path) {
  std::uint64_t salt = 0;
  if (::getrandom(&salt, sizeof salt, 0) != static_cast<ssize_t>(sizeof salt)) {
    throw WriteFailure(path, "getrandom", errno, 0);
  }
  return salt;
}

iovec part(const void* data, std::size_t size) { return {const_cast<void*>(data), size}; }

// Skips the bytes that are already written.
void advance(iovec*& parts, int& count, std::size_t written) {
  while (count > 0 && written >= parts->iov_len) {
    written -= parts->iov_len;
    ++parts, --count;
  }
  if (count == 0) return;
  parts->iov_base = static_cast<char*>(parts->iov_base) + written;
  parts->iov_len -= written;
}

}  // namespace

WriteFailure::WriteFailure(std::string file, std::string call, int number, std::uint64_t position)
    : std::runtime_error(call + " failed on " + file + " at byte " + std::to_string(position) +
                         ": " + std::strerror(number)),
      path(std::move(file)),
      operation(std::move(call)),
      error(number),
      offset(position) {}

SegmentFile::SegmentFile(const std::string& directory, Stream stream, std::uint32_t shard,
                         std::uint64_t first_seq, const Digest& chain_head)
    : path_(segment_path(directory, stream, first_seq)) {
  const SegmentHeader header =
      make_segment_header(stream, shard, first_seq, random_salt(path_), chain_head);
  crc_ = header.crc;
  fd_ = ::open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644);
  if (fd_ < 0) throw WriteFailure(path_, "open", errno, 0);
  try {
    iovec parts[1] = {part(&header, sizeof header)};
    write_all(parts, 1);
    sync();
    sync_directory(directory);
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

SegmentFile::~SegmentFile() { ::close(fd_); }

void SegmentFile::write_frame(FrameHeader header, Bytes payload, Bytes table) {
  header.crc = frame_crc(crc_, header, payload, table);
  iovec parts[3] = {part(&header, sizeof header), part(payload.data, payload.size),
                    part(table.data, table.size)};
  write_all(parts, table.size > 0 ? 3 : 2);
}

void SegmentFile::write_all(iovec* parts, int count) {
  while (count > 0) {
    const ssize_t written = ::pwritev(fd_, parts, count, static_cast<off_t>(size_));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) throw WriteFailure(path_, "write", written < 0 ? errno : EIO, size_);
    size_ += static_cast<std::uint64_t>(written);
    advance(parts, count, static_cast<std::size_t>(written));
  }
}

void SegmentFile::sync() {
  if (::fdatasync(fd_) != 0) throw WriteFailure(path_, "fdatasync", errno, size_);
}

void SegmentFile::sync_directory(const std::string& directory) const {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) throw WriteFailure(directory, "open", errno, 0);
  const int failed = ::fsync(fd) != 0 ? errno : 0;
  ::close(fd);
  if (failed != 0) throw WriteFailure(directory, "fsync", failed, 0);
}

}  // namespace venuefold

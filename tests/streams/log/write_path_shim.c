// Preloaded into a child process: writes down every call of the log's write path, in order, and
// fails the one it is asked to. Only files below SHIM_DIR are looked at.
//
// Trace entry: kind (1 byte: o open, w write, s sync of a file, d sync of a folder), u32 length of
// the name, u64 offset, u64 length of the data, name, data. A write is noted before it happens, a
// sync after it succeeded, so a reader of the trace never believes in too much durability.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum { kMaxFiles = 1024, kMaxPath = 512, kShortWrite = 100 };

static char names[kMaxFiles][kMaxPath];
static long calls, fail_at, fail_errno;

enum { kDie = -1 };

// Fail the `nth` call from now with `error`; a failing write first writes a few bytes. With kDie
// the process is killed there, a write being half done.
void shim_arm(long nth, long error) {
  calls = 0;
  fail_at = nth;
  fail_errno = error;
}

long shim_calls(void) { return calls; }

static int is_watched(int fd) { return fd >= 0 && fd < kMaxFiles && names[fd][0] != 0; }

static int must_fail(void) { return ++calls == fail_at; }

static int failed(void) {
  if (fail_errno == kDie) kill(getpid(), SIGKILL);
  errno = (int)fail_errno;
  return -1;
}

static void note(char kind, const char *name, uint64_t offset, const struct iovec *parts,
                 int count) {
  static int (*real_open)(const char *, int, ...);
  static int trace = -1;
  const char *path = getenv("SHIM_TRACE");
  if (path == NULL) return;
  if (real_open == NULL) {
    real_open = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    trace = real_open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  }
  uint64_t size = 0;
  for (int i = 0; i < count; ++i) size += parts[i].iov_len;
  uint32_t name_size = (uint32_t)strlen(name);
  char head[21];
  head[0] = kind;
  memcpy(head + 1, &name_size, 4);
  memcpy(head + 5, &offset, 8);
  memcpy(head + 13, &size, 8);
  struct iovec entry[8] = {{head, sizeof head}, {(void *)name, name_size}};
  for (int i = 0; i < count; ++i) entry[2 + i] = parts[i];
  if (writev(trace, entry, 2 + count) < 0) abort();
}

int open(const char *path, int flags, ...) {
  static int (*real)(const char *, int, ...);
  if (real == NULL) real = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
  va_list arguments;
  va_start(arguments, flags);
  const int mode = va_arg(arguments, int);
  va_end(arguments);
  const char *folder = getenv("SHIM_DIR");
  if (folder == NULL || strncmp(path, folder, strlen(folder)) != 0) return real(path, flags, mode);
  if (must_fail()) return failed();
  const int fd = real(path, flags, mode);
  if (fd >= 0 && fd < kMaxFiles) {
    strncpy(names[fd], path, kMaxPath - 1);
    if ((flags & O_CREAT) != 0) note('o', path, 0, NULL, 0);
  }
  return fd;
}

int close(int fd) {
  static int (*real)(int);
  if (real == NULL) real = (int (*)(int))dlsym(RTLD_NEXT, "close");
  if (is_watched(fd)) names[fd][0] = 0;
  return real(fd);
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
  typedef ssize_t (*Call)(int, const struct iovec *, int, off_t);
  static Call real;
  if (real == NULL) real = (Call)dlsym(RTLD_NEXT, "pwritev");
  if (!is_watched(fd)) return real(fd, parts, count, offset);
  if (calls == fail_at && fail_at > 0) return failed();
  if (must_fail()) {
    struct iovec few = parts[0];
    if (few.iov_len > kShortWrite / 2) few.iov_len = kShortWrite / 2;
    const ssize_t written = real(fd, &few, 1, offset);  // the next call, for the rest, fails
    return fail_errno == kDie ? failed() : written;
  }
  note('w', names[fd], (uint64_t)offset, parts, count);
  return real(fd, parts, count, offset);
}

static int sync_with(const char *symbol, int fd) {
  int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, symbol);
  if (!is_watched(fd)) return real(fd);
  if (must_fail()) return failed();
  const int result = real(fd);
  const size_t size = strlen(names[fd]);
  const int is_segment = size > 4 && strcmp(names[fd] + size - 4, ".seg") == 0;
  if (result == 0) note(is_segment ? 's' : 'd', names[fd], 0, NULL, 0);
  return result;
}

int fdatasync(int fd) { return sync_with("fdatasync", fd); }

int fsync(int fd) { return sync_with("fsync", fd); }

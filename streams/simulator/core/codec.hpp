// Writing and reading canonical bytes, little endian, field by field.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>

#include "streams/simulator/core/faults.hpp"

namespace venuefold {

class Writer {
 public:
  template <typename Value>
  void put(Value value) {
    static_assert(std::has_unique_object_representations_v<Value>);  // no padding gets out
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), from, from + sizeof(Value));
  }
  template <typename... Values>
  void put_all(const Values&... values) {
    (put(values), ...);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }
  const std::vector<std::byte>& bytes() const { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

class Reader {
 public:
  Reader(const std::byte* from, std::size_t size) : from_(from), left_(size) {}

  template <typename Value>
  void get(Value& value) {
    if (left_ < sizeof(Value)) throw InputFault("simulator state is cut short");
    std::memcpy(&value, from_, sizeof(Value));
    from_ += sizeof(Value);
    left_ -= sizeof(Value);
  }
  template <typename... Values>
  void get_all(Values&... values) {
    (get(values), ...);
  }
  std::uint64_t get_count(std::uint64_t most) {
    std::uint64_t count = 0;
    get(count);
    if (count > most) throw InputFault("simulator state is damaged: impossible count");
    return count;
  }
  std::size_t left() const { return left_; }

 private:
  const std::byte* from_;
  std::size_t left_;
};

}  // namespace venuefold

// What the native side takes layouts, codes and slots to be, for the comparison with the Python.
#pragma once

#include <cstddef>
#include <span>

namespace venuefold {

struct FieldPlace {
  const char* name;
  std::size_t offset;
  std::size_t size;
};

struct LayoutPlaces {
  const char* name;
  std::size_t size;
  std::span<const FieldPlace> fields;
};

struct CodeValue {
  const char* name;
  unsigned value;
};

struct CodeList {
  const char* name;
  std::span<const CodeValue> codes;
};

std::span<const LayoutPlaces> layouts();
std::span<const CodeList> code_lists();

}  // namespace venuefold

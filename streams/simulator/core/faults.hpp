// What the caller did wrong; becomes schemas.errors.InputError in Python.
#pragma once

#include <stdexcept>

namespace venuefold {

struct InputFault : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

}  // namespace venuefold

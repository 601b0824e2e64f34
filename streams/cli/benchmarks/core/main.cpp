// venuefold-bench MODE ...: measures the engine without Python around it. `sor bench` makes the
// files, reads the samples (doubles on standard output) and says what they mean.
#include <cstdlib>
#include <cstring>
#include <string>

#include "modes.hpp"

namespace {

using venuefold::bench::fail;

std::string generation_from_hex(const char* hex) {
  std::string bytes;
  for (const char* at = hex; at[0] != '\0' && at[1] != '\0'; at += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(at, 2), nullptr, 16)));
  }
  return bytes;
}

std::size_t count_of(const char* text) { return static_cast<std::size_t>(std::atoll(text)); }

int with_engine(int count, char** words) {
  if (count != 6) fail("use MODE GENERATION SETUP SCRIPT NUMBER");
  auto engine = venuefold::bench::prepared(words[3], generation_from_hex(words[2]));
  venuefold::bench::Script script(venuefold::bench::read_file(words[4]));
  const std::string mode = words[1];
  if (mode == "fold") {
    venuefold::bench::fold(engine, script, count_of(words[5]));
  } else if (mode == "families") {
    venuefold::bench::families(engine, script, count_of(words[5]));
  } else if (mode == "fold-allocations") {
    venuefold::bench::fold_allocations(engine, script, count_of(words[5]));
  } else if (mode == "decide") {
    venuefold::bench::decide(engine, script, count_of(words[5]));
  } else if (mode == "decide-bare") {
    engine.leave_out_records();
    venuefold::bench::decide(engine, script, count_of(words[5]));
  } else if (mode == "allocations") {
    venuefold::bench::allocations(engine, script, count_of(words[5]));
  } else if (mode == "whatif") {
    venuefold::bench::whatif(engine, script, count_of(words[5]));
  } else if (mode == "response") {
    venuefold::bench::response(engine, script, std::atof(words[5]));
  } else {
    fail("no mode " + mode);
  }
  return 0;
}

}  // namespace

int main(int count, char** words) {
  if (count < 3) {
    fail("modes: fold families fold-allocations rows decide decide-bare allocations response "
         "floor-fold whatif score floor-decide floor-decide-cold timer");
  }
  if (std::strcmp(words[1], "timer") == 0) {
    venuefold::bench::timer(count_of(words[2]));
  } else if (std::strcmp(words[1], "rows") == 0) {
    venuefold::bench::rows();
  } else if (std::strcmp(words[1], "floor-fold") == 0 && count == 4) {
    venuefold::bench::floor_fold(count_of(words[2]), count_of(words[3]));
  } else if (std::strcmp(words[1], "floor-decide") == 0 && count == 4) {
    venuefold::bench::floor_decide(count_of(words[2]), count_of(words[3]));
  } else if (std::strcmp(words[1], "floor-decide-cold") == 0 && count == 4) {
    venuefold::bench::floor_decide_cold(count_of(words[2]), count_of(words[3]));
  } else if (std::strcmp(words[1], "score") == 0 && count == 5) {
    venuefold::bench::score(count_of(words[2]), count_of(words[3]), count_of(words[4]));
  } else {
    return with_engine(count, words);
  }
  return 0;
}

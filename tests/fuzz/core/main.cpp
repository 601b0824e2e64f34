// venuefold-fuzz TARGET CORPUS GENERATION SEED COUNT: prints how many inputs were eaten.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "targets.hpp"

namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2) {
    bytes.push_back(static_cast<char>(std::stoi(hex.substr(at, 2), nullptr, 16)));
  }
  return bytes;
}

}  // namespace

void venuefold::fuzz::broken(const char* what) {
  std::fprintf(stderr, "venuefold-fuzz: %s\n", what);
  std::exit(3);
}

int main(int count, char** words) {
  using namespace venuefold::fuzz;
  if (count != 6) broken("use TARGET CORPUS GENERATION SEED COUNT");
  const std::string target = words[1];
  std::ifstream file(words[2], std::ios::binary);
  const std::vector<std::uint8_t> corpus{std::istreambuf_iterator<char>(file),
                                         std::istreambuf_iterator<char>()};
  if (corpus.empty()) broken("the corpus is empty");
  const std::string generation = from_hex(words[3]);
  Random random(std::strtoull(words[4], nullptr, 10));
  const std::uint64_t wanted = std::strtoull(words[5], nullptr, 10);
  std::uint64_t eaten = 0;
  if (target == "records") {
    eaten = engine_records(random, corpus, generation, wanted);
  } else if (target == "state") {
    eaten = engine_state(random, corpus, generation, wanted);
  } else if (target == "codec") {
    eaten = tick_codec(random, corpus, wanted);
  } else if (target == "frames") {
    eaten = segment_frames(random, corpus, wanted);
  } else {
    broken("targets: records state codec frames");
  }
  std::printf("%llu\n", static_cast<unsigned long long>(eaten));
  return 0;
}

#include "tick_codec.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "schemas/core/layout.hpp"
#include "schemas/core/slots.hpp"

namespace venuefold {
namespace {

constexpr std::size_t kWords = kSlot / sizeof(std::uint64_t);
constexpr std::size_t kControl = 5;
constexpr std::size_t kSizeBytes = 4;
constexpr std::size_t kPadding = 8;
constexpr std::size_t kLongest = kControl + kSlot;
constexpr std::uint32_t kContexts = 4096;
constexpr std::uint32_t kLiteral = kContexts - 1;

using Slot = std::array<std::uint64_t, kWords>;

std::uint64_t zigzag(std::uint64_t difference) {
  return (difference << 1) ^ (0 - (difference >> 63));
}

std::uint64_t unzigzag(std::uint64_t value) { return (value >> 1) ^ (0 - (value & 1)); }

std::uint32_t context_of(std::uint64_t word) {
  const auto hash = static_cast<std::uint32_t>((word * 0x9E3779B97F4A7C15ull) >> 52);
  return hash == kLiteral ? 0 : hash;
}

// What both sides know after the slots so far. Contexts of an earlier frame are told by their
// epoch, so that a frame of few slots need not clear them all.
class Predictor {
 public:
  void start_frame() {
    if (++epoch_ == 0) {
      epochs_.fill(0);
      epoch_ = 1;
    }
    source_seq_.fill(0);
    log_ns_ = 0;
    left_ = 0;
  }

  bool knows(std::uint32_t place, std::uint64_t word) const {
    return epochs_[place] == epoch_ && last_[place][0] == word;
  }
  bool is_filled(std::uint32_t place) const { return epochs_[place] == epoch_; }
  std::uint64_t first_word(std::uint32_t place) const { return last_[place][0]; }

  // Fetches the context of a slot that starts with `word`.
  const Slot& context(std::uint64_t word) {
    place_ = context_of(word);
    if (epochs_[place_] != epoch_) {
      last_[place_].fill(0);
      epochs_[place_] = epoch_;
    }
    return last_[place_];
  }

  bool is_first() const { return left_ == 0; }
  std::uint64_t source_seq(std::uint64_t word) const { return source_seq_[source(word)] + 1; }
  std::uint64_t log_ns() const { return log_ns_; }

  void learn(const Slot& slot) {
    last_[place_] = slot;
    if (left_ == 0) {
      source_seq_[source(slot[0])] = slot[1];
      log_ns_ = slot[2];
      left_ = kSlots[slot[0] & 0xFF];
    }
    --left_;
  }

 private:
  static std::size_t source(std::uint64_t word) { return (word >> 24) & 0xFF; }

  std::array<Slot, kContexts> last_{};
  std::array<std::uint32_t, kContexts> epochs_{};
  std::array<std::uint64_t, 256> source_seq_{};
  std::uint64_t log_ns_ = 0;
  std::uint32_t epoch_ = 0;
  std::uint32_t place_ = 0;
  std::size_t left_ = 0;
};

Predictor& predictor() {
  thread_local std::vector<Predictor> own(1);
  own[0].start_frame();
  return own[0];
}

// The prediction of word `index`, given the words before it.
std::uint64_t predicted(const Predictor& known, const Slot& context, const Slot& slot,
                        std::size_t index) {
  if (known.is_first()) {
    if (index == 1) return known.source_seq(slot[0]);
    if (index == 2) return known.log_ns();
    if (index == 3) return slot[2] + (context[3] - context[2]);
  }
  return context[index];
}

std::uint8_t* encode_slot(Predictor& known, const Slot& slot, std::uint8_t* out) {
  std::uint8_t* const start = out;
  out += kControl;
  std::uint64_t control = context_of(slot[0]);
  if (!known.knows(static_cast<std::uint32_t>(control), slot[0])) {
    control = kLiteral;
    std::memcpy(out, slot.data(), sizeof(std::uint64_t));
    out += sizeof(std::uint64_t);
  }
  const Slot& context = known.context(slot[0]);
  for (std::size_t i = 1; i < kWords; ++i) {
    const std::uint64_t value = zigzag(slot[i] - predicted(known, context, slot, i));
    const auto length = static_cast<std::size_t>(std::bit_width(value) + 7) / 8;
    std::memcpy(out, &value, sizeof value);
    out += length;
    control |= static_cast<std::uint64_t>(length) << (12 + 4 * (i - 1));
  }
  std::memcpy(start, &control, kControl);
  known.learn(slot);
  return out;
}

// Where the next slot starts, null when this is none. At least kPadding bytes lie after `end`.
const std::uint8_t* decode_slot(Predictor& known, const std::uint8_t* at, const std::uint8_t* end,
                                Slot& slot) {
  if (static_cast<std::size_t>(end - at) < kControl) return nullptr;
  std::uint64_t control = 0;
  std::memcpy(&control, at, kControl);
  at += kControl;
  const auto place = static_cast<std::uint32_t>(control & kLiteral);
  if (place == kLiteral) {
    if (static_cast<std::size_t>(end - at) < sizeof(std::uint64_t)) return nullptr;
    std::memcpy(slot.data(), at, sizeof(std::uint64_t));
    at += sizeof(std::uint64_t);
  } else {
    if (!known.is_filled(place)) return nullptr;
    slot[0] = known.first_word(place);
  }
  const Slot& context = known.context(slot[0]);
  for (std::size_t i = 1; i < kWords; ++i) {
    const std::size_t length = (control >> (12 + 4 * (i - 1))) & 0xF;
    if (length > 8 || length > static_cast<std::size_t>(end - at)) return nullptr;
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof value);
    if (length < 8) value &= (std::uint64_t{1} << (8 * length)) - 1;
    slot[i] = predicted(known, context, slot, i) + unzigzag(value);
    at += length;
  }
  known.learn(slot);
  return at;
}

}  // namespace

bool encode_ticks(Bytes plain, std::vector<std::uint8_t>& encoded) {
  if (plain.size == 0 || plain.size % kSlot != 0) return false;
  const std::size_t slots = plain.size / kSlot;
  encoded.resize(kSizeBytes + slots * kLongest + 2 * kPadding);
  const auto size = static_cast<std::uint32_t>(plain.size);
  std::memcpy(encoded.data(), &size, kSizeBytes);
  std::uint8_t* out = encoded.data() + kSizeBytes;
  Predictor& known = predictor();
  Slot slot;
  for (std::size_t at = 0; at < plain.size; at += kSlot) {
    std::memcpy(slot.data(), plain.data + at, kSlot);
    out = encode_slot(known, slot, out);
  }
  std::memset(out, 0, kPadding);
  encoded.resize(static_cast<std::size_t>(out - encoded.data()) + kPadding);
  return encoded.size() < plain.size;
}

bool decode_ticks(Bytes encoded, std::vector<std::uint8_t>& plain) {
  constexpr std::uint8_t kZero[kPadding] = {};
  if (encoded.size < kSizeBytes + kControl + kPadding) return false;
  std::uint32_t size = 0;
  std::memcpy(&size, encoded.data, kSizeBytes);
  const std::uint8_t* at = encoded.data + kSizeBytes;
  const std::uint8_t* const end = encoded.data + encoded.size - kPadding;
  const std::size_t most_slots = static_cast<std::size_t>(end - at) / kControl;
  if (size == 0 || size % kSlot != 0 || size / kSlot > most_slots) return false;
  if (std::memcmp(end, kZero, kPadding) != 0) return false;
  plain.resize(size);
  Predictor& known = predictor();
  Slot slot;
  for (std::size_t to = 0; to < size; to += kSlot) {
    at = decode_slot(known, at, end, slot);
    if (at == nullptr) return false;
    std::memcpy(plain.data() + to, slot.data(), kSlot);
  }
  return at == end;
}

}  // namespace venuefold

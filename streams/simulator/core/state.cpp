// Canonical bytes of the simulator's state: the same state gives the same bytes, however reached.
#include <algorithm>

#include "streams/simulator/core/codec.hpp"
#include "streams/simulator/core/market.hpp"

namespace venuefold {
namespace {

constexpr std::uint64_t kStateVersion = 2;

void put_taken(Writer& out, const Consumption& consumption) {
  out.put<std::uint64_t>(consumption.taken().size());
  for (const Level& level : consumption.taken()) out.put_all(level.nanos, level.units);
}

void get_taken(Reader& in, Consumption& consumption) {
  std::vector<Level> taken(in.get_count(in.left()));
  for (Level& level : taken) in.get_all(level.nanos, level.units);
  consumption.restore(std::move(taken));
}

bool shows_nothing(const Book& book) {
  const auto has_units = [](const Level& level) { return level.units != 0; };
  return book.status == 0 && std::ranges::none_of(book.sides[kBid], has_units) &&
         std::ranges::none_of(book.sides[kAsk], has_units);
}

bool has_nothing_taken(const Watch& watch) {
  return watch.taken[kBid].taken().empty() && watch.taken[kAsk].taken().empty();
}

template <typename Anyhow, typename Visit>
void visit_child(Anyhow& child, Visit visit) {
  visit(child.id, child.rest_order, child.units, child.limit_nanos, child.min_units,
        child.cum_units, child.queue_units, child.out_ns, child.instrument, child.venue, child.side,
        child.ord_type, child.time_in_force, child.exec_inst, child.stage);
}

template <typename Anyhow, typename Visit>
void visit_due(Anyhow& due, Visit visit) {
  visit(due.at_ns, due.order, due.child_id, due.instrument, due.venue, due.asks,
        due.units, due.limit_nanos);
}

}  // namespace

std::uint64_t MarketConfig::digest() const {
  Writer out;
  out.put_all(model, seed, report_source, jitter_ns);
  for (const Latency& latency : latencies) out.put_all(latency.out_ns, latency.back_ns);
  for (const std::int64_t units : units_per_one) out.put(units);
  for (const FeeRate& rate : fees.rates()) out.put_all(rate.known, rate.fixed_nanos, rate.rate_e9);
  std::uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (const std::byte byte : out.bytes()) {
    hash = (hash ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001B3u;
  }
  return hash;
}

std::vector<std::byte> ReplayMarket::state_bytes() const {
  Writer out;
  out.put_all(kStateVersion, config_.digest(), now_ns_, closed_ns_, ignored_, due_created_, rests_,
              trades_, reports_.created(), reports_.popped(), venue_status_);
  write_books(out);
  const auto put = [&out](const auto&... values) { out.put_all(values...); };
  out.put<std::uint64_t>(children_.size());
  for (const auto& [id, child] : children_) visit_child(child, put);
  out.put<std::uint64_t>(told_.size());
  for (const Told& told : told_) out.put_all(told.log_ns, told.child_id);
  out.put<std::uint64_t>(due_.size());
  for (const Due& due : due_) visit_due(due, put);
  const std::vector<Scheduled> scheduled = reports_.in_order();
  out.put<std::uint64_t>(scheduled.size());
  for (const Scheduled& next : scheduled) out.put_all(next.order, next.is_last, next.record);
  return out.take();
}

void ReplayMarket::write_books(Writer& out) const {
  const Watch unwatched;
  for (std::uint64_t at = 0; at < books_.size(); ++at) {
    const Book& book = books_[at];
    const Watch& watch = book.watch == 0 ? unwatched : watches_[book.watch - 1];
    if (shows_nothing(book) && has_nothing_taken(watch)) continue;
    out.put_all(at, book.status, book.sides[kBid], book.sides[kAsk]);
    put_taken(out, watch.taken[kBid]);
    put_taken(out, watch.taken[kAsk]);
  }
  out.put<std::uint64_t>(books_.size());
}

void ReplayMarket::restore(const std::byte* state, std::size_t size) {
  Reader in(state, size);
  std::uint64_t version = 0;
  std::uint64_t digest = 0;
  in.get_all(version, digest);
  if (version != kStateVersion) throw InputFault("simulator state has another version");
  if (digest != config_.digest()) {
    throw InputFault("simulator state is of another market: give the configuration it ran with");
  }
  ReplayMarket fresh(config_);
  fresh.read_state(in);
  if (in.left() != 0) throw InputFault("simulator state is damaged: it goes on after its end");
  *this = std::move(fresh);
}

void ReplayMarket::read_state(Reader& in) {
  std::uint64_t created = 0;
  std::uint64_t popped = 0;
  in.get_all(now_ns_, closed_ns_, ignored_, due_created_, rests_, trades_, created, popped,
             venue_status_);
  read_books(in);
  read_children(in);
  told_.resize(in.get_count(in.left()));
  for (Told& told : told_) in.get_all(told.log_ns, told.child_id);
  const auto get = [&in](auto&... values) { in.get_all(values...); };
  for (std::uint64_t left = in.get_count(in.left()); left > 0; --left) {
    Due due;
    visit_due(due, get);
    if (due.asks == Asks::kArrival && !children_.contains(due.child_id)) {
      throw InputFault("simulator state is damaged: a child that arrives is not there");
    }
    due_.insert(due);
  }
  next_due_ns_ = due_.empty() ? kNever : due_.begin()->at_ns;
  std::vector<Scheduled> scheduled(in.get_count(in.left() / sizeof(ExecReport)));
  for (Scheduled& next : scheduled) in.get_all(next.order, next.is_last, next.record);
  reports_.restore(std::move(scheduled), created, popped);
}

void ReplayMarket::read_books(Reader& in) {
  for (std::uint64_t at = in.get_count(books_.size()); at < books_.size();
       at = in.get_count(books_.size())) {
    Book& book = books_[at];
    in.get_all(book.status, book.sides[kBid], book.sides[kAsk]);
    Watch watch;
    get_taken(in, watch.taken[kBid]);
    get_taken(in, watch.taken[kAsk]);
    if (!has_nothing_taken(watch)) watch_at(book).taken = std::move(watch.taken);
  }
}

void ReplayMarket::read_children(Reader& in) {
  for (std::uint64_t left = in.get_count(in.left()); left > 0; --left) {
    Child read;
    visit_child(read, [&in](auto&... values) { in.get_all(values...); });
    Child& child = children_[read.id] = read;
    if (child.stage != Stage::kDone) ++live_;
    if (child.stage != Stage::kResting) continue;
    if (!knows(child.instrument, child.venue)) {
      throw InputFault("simulator state is damaged: a child rests at no known book");
    }
    ++resting_at_[child.venue];
    enlist(child);
  }
}

}  // namespace venuefold

#include "fire.hpp"

#include "children.hpp"
#include "desk.hpp"
#include "publish.hpp"
#include "reports.hpp"
#include "resting.hpp"

namespace venuefold {
namespace {

std::int64_t period_ns(const Settings& settings, std::size_t grid) {
  const std::int64_t periods_ns[kGrids] = {settings.publish_ns, settings.control_ns,
                                           settings.health_ns, settings.speed_half_life_ns};
  return periods_ns[grid];
}

// First instant of an absolute grid after `now_ns`; never for period 0.
std::int64_t next_on_grid(std::int64_t period_ns, std::int64_t now_ns) {
  return period_ns != 0 ? (now_ns / period_ns + 1) * period_ns : kInt64Max;
}

void halve(Shard& shard, std::int64_t times) {
  for (VenueQuality& quality : shard.venues.list) {
    for (Histogram& feed : quality.feed_histograms) feed.halve(times);
    quality.ack_histogram.halve(times);
    quality.fill_histogram.halve(times);
  }
}

void check_health(Shard& shard) {
  for (std::size_t venue = 0; venue < shard.venues.size(); ++venue) {
    if (!shard.venues[venue].session.is_running()) continue;
    health::check({shard.venues, venue, shard.log_ns, shard.tables.settings()});
  }
}

// One instant of a grid; instants missed in a quiet time are not repeated.
void fire_grid(Shard& shard, std::size_t grid, std::int64_t until_ns) {
  const std::int64_t period = period_ns(shard.tables.settings(), grid);
  const std::int64_t due_ns = shard.grids.due_ns()[grid];
  std::int64_t next_ns = next_on_grid(period, until_ns);
  switch (kGridKinds[grid]) {
    case TimerKind::PUBLISH:
      publish(shard);
      break;
    case TimerKind::CONTROL:
      markouts::start_controls(shard);
      break;
    case TimerKind::HALVE:
      halve(shard, (next_ns - due_ns) / period);
      break;
    default:
      check_health(shard);
      // The last instant of a quiet time counts too: a silence must not pass unseen.
      next_ns = std::max(due_ns + period, next_ns - period);
  }
  shard.grids.set(grid, next_ns);
}

// Markouts come back long after they began, one after the other.
[[gnu::always_inline]] inline void foresee(const Shard& shard) {
  constexpr std::size_t kFar = 8;
  constexpr std::size_t kNear = 4;
  const Timers::Timer* const far = shard.timers.after_first(kFar);
  if (far != nullptr) markouts::foresee(shard, far->subject, false);
  const Timers::Timer* const near = shard.timers.after_first(kNear);
  if (near != nullptr) markouts::foresee(shard, near->subject, true);
}

// Orders are forgotten long after they ended, in the order in which they did.
[[gnu::always_inline]] inline void foresee_forgetting(const Shard& shard) {
  constexpr std::size_t kFar = 4;
  constexpr std::size_t kNear = 2;
  const Timers::Timer* const far = shard.timers.after_first(kFar);
  if (far != nullptr) shard.orders.prefetch(far->subject);
  const Timers::Timer* const near = shard.timers.after_first(kNear);
  const Order* order = near != nullptr ? shard.orders.find(near->subject) : nullptr;
  if (order != nullptr) __builtin_prefetch(order->first_child);
  const Timers::Timer* const next = shard.timers.after_first(1);
  order = next != nullptr ? shard.orders.find(next->subject) : nullptr;
  if (order == nullptr || order->first_child == nullptr) return;
  shard.children.prefetch(order->first_child->child_id);
  __builtin_prefetch(order->first_child->next);
}

void fire(Shard& shard, const Timers::Timer& timer) {
  switch (static_cast<TimerKind>(timer.kind)) {
    case TimerKind::ACK_TIMEOUT: return reports::time_out(shard, timer.subject);
    case TimerKind::MARKOUT: return markouts::settle(shard, timer.subject);
    case TimerKind::OPENING: return openings::keep(shard, timer.subject);
    case TimerKind::QUERY: return children::query_due(shard, timer.subject);
    case TimerKind::RELEASE: return resting::release(shard, timer.subject);
    case TimerKind::REST: return resting::look_at(shard, timer.subject);
    default: break;
  }
  Order* const order = shard.orders.find(timer.subject);
  if (order == nullptr) return;
  if (timer.kind == number(TimerKind::FORGET)) {
    desk::forget(shard, *order);
  } else if (is_final(order->state)) {
    return;
  } else if (timer.kind == number(TimerKind::EXPIRE) && order->expire_due_ns == shard.log_ns) {
    desk::wind_down(shard, *order, Reason::HORIZON);
  } else if (timer.kind == number(TimerKind::RETRY) && order->retry_due_ns == shard.log_ns) {
    desk::settle(shard, *order);
    desk::emit_order(shard, *order);
  }
}

}  // namespace

void start_grids(Shard& shard) {
  for (std::size_t grid = 0; grid < kGrids; ++grid) {
    const std::int64_t period = period_ns(shard.tables.settings(), grid);
    shard.grids.set(grid, next_on_grid(period, shard.log_ns));
  }
}

void fire_timers(Shard& shard, std::int64_t until_ns) {
  while (is_due(shard, until_ns)) {
    const std::size_t grid = shard.grids.first();
    const Timers::Timer recurring{shard.grids.due_ns()[grid], number(kGridKinds[grid]), 0};
    if (shard.timers.size() == 0 || !Timers::before(shard.timers.first(), recurring)) {
      shard.log_ns = recurring.due_ns;
      fire_grid(shard, grid, until_ns);
      continue;
    }
    const Timers::Timer timer = shard.timers.first();
    shard.log_ns = timer.due_ns;
    if (timer.kind == number(TimerKind::MARKOUT)) foresee(shard);
    if (timer.kind == number(TimerKind::FORGET)) foresee_forgetting(shard);
    shard.timers.pop();
    fire(shard, timer);
  }
}

}  // namespace venuefold

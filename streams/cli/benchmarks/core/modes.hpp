// What the program can measure; each mode writes its samples to standard output.
#pragma once

#include <cstddef>

#include "script.hpp"

namespace venuefold::bench {

// Mean ns a tick of each of `passes` passes over a script of ticks.
void fold(Engine& engine, Script& script, std::size_t passes);
// ns a tick of each of `passes` passes, by what is folded: all families, then one fewer each time
// (histogram; jumps; refills; gap; delay; times; near), down to books and bests.
void families(const Engine& engine, Script& script, std::size_t passes);
// Bytes of a row, and what it takes more once it has had children, opens, or children at rest.
void rows();
// Calls of the allocator in each of `passes` passes over ticks, after one to warm up.
void fold_allocations(Engine& engine, Script& script, std::size_t passes);
// ns of each NEW_ORDER of the script, until `count` were timed; everything else is untimed.
void decide(Engine& engine, Script& script, std::size_t count);
// Calls of the allocator in each of `count` decisions, after one pass to warm up.
void allocations(Engine& engine, Script& script, std::size_t count);
// ns from an order's scheduled arrival to its record, on an open-loop schedule of `rate` records a
// second made by a thread of its own; its own lateness follows after the orders' samples.
void response(Engine& engine, Script& script, double rate);
// Decisions a second over blocks of 256, with all that a what-if needs: the script's ticks and the
// answers to children.
void whatif(Engine& engine, Script& script, std::size_t blocks);
// ns of the level costs of a decision (24 venues, 5 levels), over `decisions` of them in a row:
// width 0 one by one, 1 as the compiler does it by default, 2 with 256-bit vectors.
void score(std::size_t width, std::size_t decisions, std::size_t count);
// The bare arithmetic: an update of a 128-byte row for each tick (ns a tick), and an all-in greedy
// sweep over `venues` venues of five levels with a copy of its record (ns a decision).
void floor_fold(std::size_t rows, std::size_t passes);
void floor_decide(std::size_t venues, std::size_t count);
// The same sweep over books that have to come from memory first.
void floor_decide_cold(std::size_t venues, std::size_t count);
// ns between two readings of the clock.
void timer(std::size_t count);

}  // namespace venuefold::bench

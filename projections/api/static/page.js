"use strict";
// The live page: a snapshot over REST, then the event stream. Text only ever enters as textContent.

const venues = new Map();
const out = new Set();
const totals = { orders: 0, decisions: 0, fills: 0, children: 0, refusals: 0 };
const saved = { best: [0, 0], sweep: [0, 0] };
const decisions = [];
const fills = [];
const turns = [];
let lastNs = 0;
let lastSeen = 0;
let clockAhead = 0;
let latencyMs = 0;

const byId = (id) => document.getElementById(id);
const make = (tag, text, kind) => {
  const node = document.createElement(tag);
  if (text !== undefined) node.textContent = text;
  if (kind) node.className = kind;
  return node;
};
const time = (ns) => new Date(ns / 1e6).toISOString().slice(11, 23);
const price = (nanos) => (nanos / 1e9).toString();
const whole = (n) => Math.round(n).toLocaleString("en");
const words = (text) => text.replaceAll("_", " ");
const duration = (ns) => (ns === null || ns === undefined ? "-" : `${(ns / 1e6).toFixed(1)} ms`);

function venue(key) {
  if (!venues.has(key)) {
    venues.set(key, { key, name: "", health: "-", children: 0, units: 0, fills: 0, why: "" });
  }
  return venues.get(key);
}

function bps(cost, units, baseCost, baseUnits, mid) {
  if (!units || units !== baseUnits || !mid) return null;
  return (1e4 * (Number(baseCost) - Number(cost))) / units / mid;
}

function onDecision(d) {
  totals.decisions += 1;
  if (d.attempt === 1) totals.orders += 1;
  const mid = d.displayed_bid_nanos && d.displayed_ask_nanos
    ? (d.displayed_bid_nanos + d.displayed_ask_nanos) / 2 : 0;
  for (const child of d.children) {
    const row = venue(d.venue_keys[child.venue]);
    row.children += 1;
    row.units += child.units;
    row.why = "";
    totals.children += 1;
  }
  const reasons = new Map();
  for (const c of d.candidates) {
    if (c.reason === "none") continue;
    const key = d.venue_keys[c.venue];
    venue(key).why = words(c.reason);
    reasons.set(c.reason, [...(reasons.get(c.reason) || []), key]);
  }
  const best = bps(d.expected_cost, d.allocated_units, d.best_price_cost, d.best_price_units, mid);
  const sweep = bps(d.expected_cost, d.allocated_units, d.sweep_cost, d.sweep_units, mid);
  for (const [name, value] of [["best", best], ["sweep", sweep]]) {
    if (value === null || d.policy_name !== "lowest_cost") continue;
    saved[name][0] += value * d.allocated_units;
    saved[name][1] += d.allocated_units;
  }
  if (d.attempt > 1 && !d.children.length) return; // it still waits, and says so again
  decisions.unshift({ d, reasons, sweep });
  decisions.length = Math.min(decisions.length, 14);
}

function onChild(c) {
  if (c.exec_type !== "trade") return;
  totals.fills += 1;
  venue(c.venue_key).fills += 1;
  fills.unshift(c);
  fills.length = Math.min(fills.length, 8);
}

const TURNS = {
  degraded: "is doubted: refusals, time-outs, or a feed that goes quiet",
  halted: "is halted: no orders go there",
  down: "is left: its feed went silent or too many children failed",
  cooling: "shows signs of life: it must prove itself before it gets orders again",
  up: "is back: it has proved itself",
};

function onHealth(h) {
  const row = venue(h.venue_key);
  if (row.health !== h.health && TURNS[row.health]) {
    turns.unshift({ ns: h.log_ns, key: h.venue_key, from: row.health, to: h.health });
    turns.length = Math.min(turns.length, 6);
  }
  row.health = h.health;
  row.ratio = h.fill_ratio && h.fill_ratio.value;
  row.ack = h.ack_p50_ns;
}

function see(event, handle) {
  const body = JSON.parse(event.data);
  lastNs = body.log_ns;
  lastSeen = Date.now();
  if (body.latency_ns !== undefined) latencyMs = 0.95 * latencyMs + 0.05 * (body.latency_ns / 1e6);
  handle(body);
}

function connect() {
  const source = new EventSource("/v1/stream?topics=decision,child,health,refusal");
  source.addEventListener("decision", (e) => see(e, onDecision));
  source.addEventListener("child", (e) => see(e, onChild));
  source.addEventListener("health", (e) => see(e, onHealth));
  source.addEventListener("refusal", (e) => see(e, () => { totals.refusals += 1; }));
  source.addEventListener("beat", (e) => {
    const body = JSON.parse(e.data);
    clockAhead = body.now_ns / 1e6 - Date.now();
    lastNs = body.log_ns;
  });
}

async function outage(key) {
  const isOn = !out.has(key);
  const answer = await fetch(`/v1/venues/${encodeURIComponent(key)}/outage`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ is_on: isOn }),
  });
  if (answer.ok && isOn) out.add(key);
  if (answer.ok && !isOn) out.delete(key);
  draw();
}

async function explain(id) {
  const answer = await fetch(`/v1/decisions/${id}/explanation`);
  const story = await answer.json();
  const lines = answer.ok
    ? [story.summary, "", ...story.order, ...story.market, "",
       ...story.venues.map((v) => `${v.venue}: ${v.outcome}`), "",
       ...story.choice, "", ...story.cost, "", ...story.outcome]
    : [story.detail];
  byId("story").hidden = false;
  byId("story").textContent = lines.join("\n");
}

function drawState() {
  const state = byId("state");
  const age = lastNs ? (Date.now() + clockAhead - lastNs / 1e6) / 1e3 : Infinity;
  if (!lastNs) {
    state.textContent = "connecting";
    state.className = "wait";
  } else if (age > 2) {
    state.textContent = `stale for ${age.toFixed(0)} s`;
    state.className = "stale";
  } else {
    state.textContent = `live, ${latencyMs.toFixed(0)} ms from the log to this page's stream`;
    state.className = "live";
  }
}

function drawFigures() {
  const mean = ([sum, units]) => (units ? `${(sum / units).toFixed(2)} bps` : "-");
  const rows = [
    ["orders", whole(totals.orders)], ["decisions", whole(totals.decisions)],
    ["children", whole(totals.children)], ["fills", whole(totals.fills)],
    ["refused", whole(totals.refusals)],
    ["saved against best price*", mean(saved.best)],
    ["saved against a fee-blind sweep*", mean(saved.sweep)],
  ];
  byId("figures").replaceChildren(...rows.map(([name, value]) => {
    const box = make("div");
    box.append(make("b", value), name);
    return box;
  }));
}

function drawVenues() {
  const all = [...venues.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  const units = all.reduce((sum, v) => sum + v.units, 0) || 1;
  byId("venues").replaceChildren(...all.map((v) => {
    const row = make("tr");
    const button = make("button", out.has(v.key) ? "end outage" : "outage");
    button.addEventListener("click", () => outage(v.key));
    const last = make("td");
    last.append(button);
    row.append(
      make("td", v.name ? `${v.key}  ${v.name}` : v.key), make("td", v.health, v.health),
      make("td", whole(v.children), "n"), make("td", `${((100 * v.units) / units).toFixed(1)} %`, "n"),
      make("td", whole(v.fills), "n"),
      make("td", v.ratio === undefined || v.ratio === null ? "-" : `${(100 * v.ratio).toFixed(0)} %`, "n"),
      make("td", duration(v.ack), "n"), make("td", v.why), last,
    );
    return row;
  }));
}

function drawTurns() {
  byId("turns").replaceChildren(...turns.map(({ ns, key, from, to }) => {
    const row = make("tr");
    row.append(make("td", time(ns)), make("td", key), make("td", from), make("td", to, to),
      make("td", TURNS[to]));
    return row;
  }));
  byId("turning").hidden = !turns.length;
}

function drawDecisions() {
  byId("decisions").replaceChildren(...decisions.map(({ d, reasons, sweep }) => {
    const row = make("tr", undefined, "pick");
    row.title = "explain";
    row.addEventListener("click", () => explain(d.out_seq));
    const where = d.children.map((c) => `${d.venue_keys[c.venue]} ${whole(c.units)}`).join(", ");
    const left = [...reasons].map(([why, keys]) =>
      `${words(why)}: ${keys.length > 4 ? `${keys.length} venues` : keys.join(", ")}`).join("; ");
    row.append(
      make("td", time(d.log_ns)), make("td", d.cl_ord_id, "id"),
      make("td", `${d.side} ${whole(d.remaining_units)} ${d.symbol}, ${words(d.policy_name)}`),
      make("td", where || "nothing"), make("td", left),
      make("td", sweep === null ? "-" : `${sweep.toFixed(2)} bps`, "n"),
    );
    return row;
  }));
}

function drawFills() {
  byId("fills").replaceChildren(...fills.map((f) => {
    const row = make("tr");
    row.append(
      make("td", time(f.log_ns)), make("td", f.venue_key), make("td", f.symbol),
      make("td", whole(f.last_units), "n"), make("td", price(f.last_nanos), "n"),
      make("td", price(f.fee_nanos), "n"),
    );
    return row;
  }));
}

function draw() {
  drawState();
  drawFigures();
  drawVenues();
  drawTurns();
  drawDecisions();
  drawFills();
}

async function begin() {
  const answer = await fetch("/v1/venues");
  if (answer.ok) {
    for (const v of await answer.json()) {
      const row = venue(v.key);
      row.name = v.name;
      row.health = v.health || "-";
      if (v.is_out) out.add(v.key);
    }
  }
  connect();
  draw();
  setInterval(draw, 500);
}

begin();

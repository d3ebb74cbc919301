// One chart: both sides over each other with the noise around the reference, and below how far they are apart.

const WIDE = 560;
const TOP = 8;
const PLOT = 170;
const STRIP_TOP = 206;
const STRIP = 52;
const TALL = 276;
const LEFT = 62;
const RIGHT = 10;
// Air at both ends of the window, so that what happens at its edges can be seen.
const AIR = 4;
let chartsMade = 0;

function makeChart(curve, group) {
  const repeats = curve.ordinals ? Math.max(...curve.ordinals) + 1 : 1;
  const xs = curve.updates.map((update, at) => update + (curve.ordinals ? curve.ordinals[at] / repeats : 0));
  const reference = curve.reference.map(finite);
  const candidate = curve.candidate ? curve.candidate.map(finite) : reference;
  const svg = drawn("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, role: "img" });
  const readout = element("output");
  const figure = element("figure", { class: "chart", tabindex: 0, role: "group", "aria-label": `${curve.title}: ${describedCurve(curve)}` },
    element("figcaption", {}, element("h3", {}, pill(curve.standing), " ", curve.title), element("p", {}, `${curve.about}. ${describedCurve(curve)}`)),
    svg, readout);
  const chart = { curve, xs, reference, candidate, svg, readout, figure, at: -1, scale: null, id: (chartsMade += 1) };
  figure.addEventListener("keydown", (event) => steerChart(event, chart, group));
  listenToPointer(chart, group);
  return chart;
}

function describedCurve(curve) {
  const drawnOf = curve.updates.length < curve.total ? `${counted(curve.updates.length)} of ${counted(curve.total)} values drawn, every peak among them` : `${counted(curve.total)} values`;
  const since = curve.first < 0 ? "Equal everywhere" : `First difference: ${placeOf(curve, curve.first)}`;
  return `${since}; ${drawnOf}.`;
}

function placeOf(curve, at) {
  const update = curve.updates[at] < 0 ? "before the first update" : `update ${curve.updates[at]}`;
  return curve.ordinals ? `${update}, ${curve.repeat} ${curve.ordinals[at]}` : update;
}

function visibleRange(chart, [low, high]) {
  let from = chart.xs.findIndex((x) => x >= low);
  if (from < 0) from = chart.xs.length;
  let to = from;
  while (to < chart.xs.length && chart.xs[to] <= high) to += 1;
  // One point beyond each edge, so that lines run out of the window instead of ending in it.
  return [Math.max(0, from - 1), Math.min(chart.xs.length, to + 1)];
}

function drawChart(chart, domain) {
  const { curve, svg } = chart;
  const [from, to] = visibleRange(chart, domain);
  const part = (values) => values.slice(from, to);
  const floor = curve.floor ? part(curve.floor.map(finite)) : null;
  const ours = part(chart.reference);
  const theirs = part(chart.candidate);
  const x = linear(domain, [LEFT + AIR, WIDE - RIGHT - AIR]);
  const y = linear(extent([...ours, ...theirs].filter(Number.isFinite)), [TOP + PLOT, TOP]);
  const xs = part(chart.xs).map(x);
  chart.scale = { x, domain };
  const shape = (name, y, height) => drawn("clipPath", { id: `${name}-${chart.id}` }, drawn("rect", { x: LEFT, y, width: WIDE - LEFT - RIGHT, height }));
  const inside = (name, ...parts) => drawn("g", { "clip-path": `url(#${name}-${chart.id})` }, ...parts);
  svg.replaceChildren(
    drawn("title", {}, `${curve.title}, updates ${short(domain[0])} to ${short(domain[1])}`),
    shape("plot", TOP, PLOT), shape("strip", STRIP_TOP, STRIP), shape("both", 0, TALL),
    ...axesOf(domain, x, y, extent([...ours, ...theirs].filter(Number.isFinite))),
    inside("plot",
      ...(floor ? [drawn("path", { class: "band", d: bandAround(xs, ours, floor, y) })] : []),
      drawn("path", { class: "reference", d: lineThrough(xs, ours.map(y)) }),
      ...(curve.candidate ? [drawn("path", { class: "candidate", d: lineThrough(xs, theirs.map(y)) })] : []),
      ...dotsOf(xs, ours, theirs, y, curve.candidate),
      ...oddOnes(chart, from, to, x)),
    inside("strip", ...stripOf(chart, from, to, xs, floor)),
    inside("both",
      ...(curve.first >= 0 ? [drawn("line", { class: "divergence", x1: x(chart.xs[curve.first]), x2: x(chart.xs[curve.first]), y1: TOP, y2: STRIP_TOP + STRIP })] : []),
      drawn("line", { class: "cursor", y1: TOP, y2: STRIP_TOP + STRIP, visibility: "hidden" })),
    ...stripLabels(chart, from, to, floor),
    drawn("rect", { class: "frame", x: LEFT, y: TOP, width: WIDE - LEFT - RIGHT, height: PLOT }),
    drawn("rect", { class: "frame", x: LEFT, y: STRIP_TOP, width: WIDE - LEFT - RIGHT, height: STRIP }));
  if (chart.at >= 0) pointAt(chart, chart.xs[chart.at]);
}

function axesOf(domain, x, y, [low, high]) {
  const found = [];
  for (const value of ticks(low, high, 6)) {
    found.push(drawn("line", { class: "rule", x1: LEFT, x2: WIDE - RIGHT, y1: y(value), y2: y(value) }));
    found.push(drawn("text", { x: LEFT - 6, y: y(value) + 4, "text-anchor": "end" }, short(value)));
  }
  for (const value of ticks(domain[0], domain[1], 7).filter(Number.isInteger)) {
    found.push(drawn("text", { x: x(value), y: TOP + PLOT + 15, "text-anchor": "middle" }, counted(value)));
  }
  return found;
}

function bandAround(xs, values, floor, y) {
  const known = xs.map((_, at) => at).filter((at) => Number.isFinite(values[at]) && Number.isFinite(floor[at]));
  if (!known.length) return "";
  const upper = known.map((at) => `${xs[at].toFixed(1)} ${y(values[at] + floor[at]).toFixed(1)}`);
  const lower = known.reverse().map((at) => `${xs[at].toFixed(1)} ${y(values[at] - floor[at]).toFixed(1)}`);
  return `M${upper.join("L")}L${lower.join("L")}Z`;
}

// Few values are points, not a line; a single one would not even be visible as a line.
function dotsOf(xs, ours, theirs, y, differs) {
  if (xs.length > 60) return [];
  const dots = (values, side, radius) => values.map((value, at) =>
    Number.isFinite(value) ? drawn("circle", { class: `dot ${side}`, cx: xs[at].toFixed(1), cy: y(value).toFixed(1), r: radius }) : null).filter(Boolean);
  return [...dots(ours, "reference", 2.6), ...(differs ? dots(theirs, "candidate", 1.8) : [])];
}

// What is not a number has no height: it stands as a word at the top edge.
function oddOnes(chart, from, to, x) {
  const found = [];
  for (const [side, values, row] of [["R", chart.curve.reference, 0], ["C", chart.curve.candidate || [], 1]]) {
    const at = values.findIndex((value, index) => index >= from && index < to && typeof value === "string");
    if (at >= 0) found.push(drawn("text", { class: "odd", x: x(chart.xs[at]) + 3, y: TOP + 12 + 13 * row }, `${side}: ${values[at]}`));
  }
  return found;
}

// The cursor: where it is in every chart, what stands there, and how it is moved by pointer and keys.

function nearest(xs, x) {
  let low = 0;
  let high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle;
    else high = middle;
  }
  return x - xs[low] <= xs[high] - x ? low : high;
}

function pointAt(chart, x) {
  const { curve, xs } = chart;
  chart.at = nearest(xs, x);
  const at = chart.at;
  const line = chart.svg.querySelector(".cursor");
  const here = chart.scale.x(xs[at]);
  line.setAttribute("x1", here);
  line.setAttribute("x2", here);
  line.setAttribute("visibility", xs[at] >= chart.scale.domain[0] && xs[at] <= chart.scale.domain[1] ? "visible" : "hidden");
  chart.readout.textContent = `${placeOf(curve, at)}: ${valuesAt(curve, at)}`;
}

function valuesAt(curve, at) {
  const reference = short(curve.reference[at], 9);
  if (!curve.candidate) return `${reference} on both sides`;
  const candidate = short(curve.candidate[at], 9);
  const difference = curve.difference[at];
  const size = difference === null ? (reference === candidate ? "equal" : "no size") : `difference ${short(difference)}`;
  const floor = curve.floor && curve.floor[at] !== null ? `, ten times the noise ${short(curve.floor[at])}` : "";
  return `reference ${reference}, candidate ${candidate}, ${size}${floor}`;
}

function steerChart(event, chart, group) {
  if (event.target !== chart.figure || event.ctrlKey || event.metaKey || event.altKey) return;
  const acts = {
    ArrowRight: () => (event.shiftKey ? pan(group, 0.25) : stepCursor(chart, group, 1)),
    ArrowLeft: () => (event.shiftKey ? pan(group, -0.25) : stepCursor(chart, group, -1)),
    Home: () => setCursor(group, group.domain[0]),
    End: () => setCursor(group, group.domain[1]),
    "+": () => zoom(group, 0.5),
    "=": () => zoom(group, 0.5),
    "-": () => zoom(group, 2),
    0: () => setDomain(group, group.all),
    f: () => chart.curve.first >= 0 && zoomAt(group, chart.xs[chart.curve.first]),
  };
  if (!(event.key in acts)) return;
  event.preventDefault();
  event.stopPropagation();
  acts[event.key]();
}

function stepCursor(chart, group, step) {
  const start = chart.at < 0 ? nearest(chart.xs, group.domain[0]) : chart.at + step;
  const at = Math.min(Math.max(start, 0), chart.xs.length - 1);
  const [low, high] = group.domain;
  const x = chart.xs[at];
  if (x < low || x > high) setDomain(group, x < low ? [x, x + high - low] : [x - high + low, x]);
  setCursor(group, x);
}

function listenToPointer(chart, group) {
  const { svg } = chart;
  let start = null;
  let window = null;
  const place = (event) => {
    const box = svg.getBoundingClientRect();
    const at = ((event.clientX - box.left) / box.width) * WIDE - LEFT - AIR;
    const [low, high] = chart.scale.domain;
    return Math.min(Math.max(low + (at / (WIDE - LEFT - RIGHT - 2 * AIR)) * (high - low), low), high);
  };
  svg.addEventListener("pointermove", (event) => {
    const x = place(event);
    setCursor(group, x);
    if (start === null) return;
    const [from, to] = [start, x].sort((a, b) => a - b).map(chart.scale.x);
    window.setAttribute("x", from);
    window.setAttribute("width", to - from);
  });
  svg.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    start = place(event);
    window = drawn("rect", { class: "window", x: 0, width: 0, y: TOP, height: PLOT });
    svg.append(window);
    svg.setPointerCapture(event.pointerId);
  });
  svg.addEventListener("pointerup", (event) => {
    if (start === null) return;
    const chosen = [start, place(event)].sort((a, b) => a - b);
    start = null;
    window.remove();
    // A click is no window.
    if (chosen[1] - chosen[0] > (group.domain[1] - group.domain[0]) / 100) setDomain(group, chosen);
  });
  svg.addEventListener("pointercancel", () => {
    start = null;
    window?.remove();
  });
  svg.addEventListener("dblclick", () => setDomain(group, group.all));
  svg.addEventListener("wheel", (event) => {
    // Without a modifier the wheel scrolls the page, as a reader expects.
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    zoom(group, event.deltaY < 0 ? 0.7 : 1.4, place(event));
  }, { passive: false });
}

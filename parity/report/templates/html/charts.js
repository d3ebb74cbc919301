// All charts of a scenario: one window of updates and one cursor for all of them.

function drawCharts(place, curves, left) {
  if (!curves.length) return place.append(element("p", {}, "No numbers that change were observed on both sides."));
  const group = { charts: [], cursor: null, range: element("span", { class: "range" }) };
  group.charts = curves.map((curve) => makeChart(curve, group));
  const ends = group.charts.flatMap(({ xs }) => [xs[0], xs[xs.length - 1]]);
  group.all = [Math.min(...ends), Math.max(...ends, Math.min(...ends) + 1)];
  place.append(controlsOf(group), chartKey(), element("div", { class: "grid" }, ...group.charts.map((chart) => chart.figure)));
  if (left) place.append(element("p", { class: "more" }, `${counted(left)} further series are not drawn; the full report names what differs in them.`));
  setDomain(group, group.all);
  const diverging = group.charts.find((chart) => chart.curve.first >= 0);
  if (diverging) setCursor(group, diverging.xs[diverging.curve.first]);
  return group;
}

function controlsOf(group) {
  const firsts = group.charts.filter((chart) => chart.curve.first >= 0).map((chart) => chart.xs[chart.curve.first]);
  const button = (text, act, disabled = false) => element("button", { type: "button", onclick: act, disabled }, text);
  return element("div", { class: "filters controls", role: "group", "aria-label": "Window of updates" },
    button("Zoom in", () => zoom(group, 0.5)),
    button("Zoom out", () => zoom(group, 2)),
    button("Earlier", () => pan(group, -0.5)),
    button("Later", () => pan(group, 0.5)),
    button("First difference", () => zoomAt(group, Math.min(...firsts)), !firsts.length),
    button("All updates", () => setDomain(group, group.all)),
    group.range);
}

function chartKey() {
  const line = (name) => drawn("svg", { viewBox: "0 0 38 12", "aria-hidden": "true" }, name === "band"
    ? drawn("rect", { class: name, x: 0, y: 1, width: 38, height: 10 })
    : drawn("line", { class: name, x1: 0, x2: 38, y1: 6, y2: 6 }));
  const entries = [["reference", "reference (solid)"], ["candidate", "candidate (dashed)"], ["band", "ten times the noise floor, where it was measured"], ["bars", "size of the difference"], ["bars inside", "size, inside the noise"], ["limit", "ten times the noise floor, in the strip"]];
  return element("ul", { class: "key", "aria-label": "Lines" }, ...entries.map(([name, text]) => element("li", {}, line(name), text)));
}

function setDomain(group, [low, high]) {
  const narrowest = Math.min(2, group.all[1] - group.all[0]);
  const width = Math.min(Math.max(high - low, narrowest), group.all[1] - group.all[0]);
  const from = Math.min(Math.max(low, group.all[0]), group.all[1] - width);
  group.domain = [from, from + width];
  group.range.textContent = `Updates ${counted(Math.ceil(group.domain[0]))} to ${counted(Math.floor(group.domain[1]))}`;
  for (const chart of group.charts) drawChart(chart, group.domain);
  if (group.cursor !== null) setCursor(group, group.cursor);
}

function zoom(group, factor, around = null) {
  const [low, high] = group.domain;
  const inside = group.cursor !== null && group.cursor >= low && group.cursor <= high;
  const centre = around ?? (inside ? group.cursor : (low + high) / 2);
  setDomain(group, [centre - (centre - low) * factor, centre + (high - centre) * factor]);
}

function zoomAt(group, x) {
  const width = Math.max(20, (group.all[1] - group.all[0]) / 100);
  setDomain(group, [x - width / 2, x + width / 2]);
  setCursor(group, x);
}

function pan(group, share) {
  const [low, high] = group.domain;
  const step = (high - low) * share;
  setDomain(group, [low + step, high + step]);
}

function setCursor(group, x) {
  group.cursor = x;
  for (const chart of group.charts) pointAt(chart, x);
}

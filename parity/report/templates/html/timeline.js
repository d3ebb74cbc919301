// Phases by updates: a table whose cells are reached by arrow keys and lead to the evidence.

function drawTimeline(place, data, scenario) {
  if (!data.rows.length) return place.append(element("p", {}, "Nothing was observed."));
  const told = element("output", { "aria-live": "polite" });
  const body = element("tbody");
  for (const row of data.rows) {
    const cells = [...row.cells].map((sign, at) => timelineCell(row, sign, at, data.columns, scenario, told));
    body.append(element("tr", {}, element("th", { scope: "row" }, row.phase), ...cells));
  }
  const table = element("table", { "aria-label": "Verdict by phase and update" }, timelineHead(data.columns), body);
  const buttons = [...body.querySelectorAll("button")];
  buttons[0].tabIndex = 0;
  table.addEventListener("keydown", (event) => moveInTimeline(event, buttons, data.columns.length));
  place.append(element("div", { class: "scroll" }, table), told, timelineLegend());
}

function timelineHead(columns) {
  const every = Math.max(1, Math.ceil((columns.length - 2) / 10));
  const marks = columns.map(([first, , title], at) => {
    const inside = at > 0 && at < columns.length - 1;
    const mark = inside ? ((at - 1) % every ? "" : String(first)) : at ? "end" : "before";
    return element("th", { scope: "col", title, class: inside ? "inside" : null }, element("span", {}, mark));
  });
  return element("thead", {}, element("tr", {}, element("th", { scope: "col" }, "Phase"), ...marks));
}

function timelineCell(row, sign, at, columns, scenario, told) {
  const standing = STANDINGS[sign];
  const note = row.notes[at];
  const where = `${row.phase}, ${columns[at][2]}`;
  const sentence = note && note[2]
    ? `${where}: ${standing.word}; ${counted(note[2])} of ${counted(note[3])} values, first in ${note[0] < 0 ? "setup" : `update ${note[0]}`} (${note[4].join(", ")})`
    : `${where}: ${standing.word}`;
  const tell = () => { told.textContent = sentence; };
  const go = note && note[1] >= 0 ? () => showFinding(scenario, note[1]) : tell;
  const names = `cell ${standing.name}`;
  const button = element("button", { type: "button", class: names, tabindex: -1, "aria-label": sentence, onclick: go, onfocus: tell, onpointerenter: tell }, standing.sign);
  return element("td", {}, button);
}

function moveInTimeline(event, buttons, width) {
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width };
  const at = buttons.indexOf(event.target);
  const next = buttons[at + steps[event.key]];
  if (at < 0 || !next) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function timelineLegend() {
  const entries = Object.values(STANDINGS).map(({ name, word, sign }) =>
    element("li", {}, element("span", { class: `cell ${name}`, "aria-hidden": "true" }, sign), word));
  return element("ul", { class: "legend", "aria-label": "Signs" }, ...entries);
}

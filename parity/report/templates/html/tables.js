// Tables that are searched and filtered: tensors, and settings.

const ROWS_FIRST = 30;
const ROWS_MORE = 300;

function drawTable(place, { header, rows, label, only, empty, left }) {
  let most = ROWS_FIRST;
  const search = element("input", { type: "search", "aria-label": `Search ${label}`, placeholder: `Search ${label}`, autocomplete: "off", spellcheck: "false" });
  const checked = element("input", { type: "checkbox" });
  checked.checked = true;
  const told = element("span", { class: "more", "aria-live": "polite" });
  const more = element("button", { type: "button" }, "Show more");
  const body = element("tbody");
  const fill = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = rows.filter((row) => (!checked.checked || row.differs) && words.every((word) => row.text.includes(word)));
    body.replaceChildren(...found.slice(0, most).map((row) => row.element()));
    if (!found.length) body.append(element("tr", {}, element("td", { colspan: header.length }, words.length ? "Nothing matches." : empty)));
    told.textContent = `${counted(Math.min(found.length, most))} of ${counted(found.length)} shown, ${counted(rows.length + left)} in all`;
    more.hidden = found.length <= most;
  };
  search.addEventListener("input", () => { most = ROWS_FIRST; fill(); });
  checked.addEventListener("change", fill);
  more.addEventListener("click", () => { most += ROWS_MORE; fill(); });
  const titles = header.map(([title, kind]) => element("th", { scope: "col", class: kind || null }, title));
  place.append(
    element("div", { class: "filters" }, search, element("label", {}, checked, ` ${only}`), told),
    element("div", { class: "scroll", tabindex: 0, role: "group", "aria-label": label }, element("table", {}, element("thead", {}, element("tr", {}, ...titles)), body)),
    more);
  fill();
}

function drawTensors(place, rows, left, scenario) {
  const header = [["Tensor"], ["Channel"], ["Shape and type"], ["Verdict"], ["First seen"], ["Observations that differ", "number"], ["Distance there", "number"], ["Largest distance", "number"]];
  const entries = rows.map((row) => ({
    differs: row[5] !== "=",
    text: [row[0], row[1] || "", row[2], row[4], STANDINGS[row[5]].word].join(" ").toLowerCase(),
    element: () => tensorRow(row, scenario),
  }));
  drawTable(place, { header, rows: entries, label: "tensors", only: "only what is not identical", empty: rows.length ? "All tensors are identical." : "No tensor was recorded.", left });
  place.append(element("p", { class: "hint" }, "Distances are relative to the reference and estimated from sketches, where one was made; a digest alone tells only whether two tensors are equal."));
}

function tensorRow(row, scenario) {
  const [name, renamed, channel, rank, kind, sign, since, differing, compared, first, largest, at, finding] = row;
  const title = element("code", {}, name);
  const link = finding >= 0 ? element("a", { href: `#finding-${scenario}-${finding}` }, title) : title;
  const where = since === null ? "" : since < 0 ? "before the first update" : `update ${since}`;
  const cells = [
    element("td", {}, link, renamed ? element("span", {}, " candidate: ", element("code", {}, renamed)) : "", rank ? ` rank ${rank}` : ""),
    element("td", {}, element("code", {}, channel)),
    element("td", {}, kind),
    element("td", {}, pill(sign)),
    element("td", {}, where),
    element("td", { class: "number" }, `${counted(differing)} of ${counted(compared)}`),
    element("td", { class: "number" }, first === null ? (differing ? "not known" : "") : short(first, 3)),
    element("td", { class: "number" }, largest === null ? (differing ? "not known" : "") : `${short(largest, 3)}, update ${at}`),
  ];
  return element("tr", {}, ...cells);
}

function drawSettings(place, rows) {
  const header = [["Group"], ["Setting"], ["Change"], ["Reference"], ["Candidate"]];
  const side = (text) => element("td", {}, text === null ? element("em", {}, "not there") : element("code", {}, text));
  const entries = rows.map(([group, name, reference, candidate, change]) => ({
    differs: change !== "same",
    text: [group, name, reference || "", candidate || "", change].join(" ").toLowerCase(),
    element: () => element("tr", {}, element("td", {}, group), element("td", {}, element("code", {}, name)), element("td", {}, change === "same" ? change : element("strong", {}, change)), side(reference), side(candidate)),
  }));
  drawTable(place, { header, rows: entries, label: "settings", only: "only changes", empty: rows.length ? "No setting differs." : "No setting was recorded.", left: 0 });
}

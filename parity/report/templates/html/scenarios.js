// One scenario at a time: it is drawn when it is first shown.

const ALL = JSON.parse(document.getElementById("data").textContent);
const PLACES = [...document.querySelectorAll("div.scenario")];
const PARTS = ["timeline", "evidence", "charts", "tensors", "settings"];
const drawnScenarios = new Set();
let current = 0;

function showScenario(index) {
  current = index;
  PLACES.forEach((place, at) => { place.hidden = at !== index; });
  for (const button of document.querySelectorAll("button[data-scenario]")) {
    button.setAttribute("aria-pressed", String(Number(button.dataset.scenario) === index));
  }
  for (const part of PARTS) {
    document.getElementById(part)?.removeAttribute("id");
    const heading = PLACES[index]?.querySelector(`.${part}-heading`);
    if (heading) heading.id = part;
    document.querySelector(`.bar a[href="#${part}"]`).hidden = !heading;
  }
  if (!drawnScenarios.has(index) && PLACES[index]) drawScenario(PLACES[index], ALL[index], index);
  drawnScenarios.add(index);
}

function drawScenario(place, data, index) {
  if (!data.timeline) return;
  drawTimeline(place.querySelector(".timeline"), data.timeline, index);
  drawCharts(place.querySelector(".charts"), data.curves, data.curves_left);
  drawTensors(place.querySelector(".tensors"), data.tensors, data.tensors_left, index);
  drawSettings(place.querySelector(".settings"), data.settings);
}

// Evidence that found no room of its own stands in the full report.
function showFinding(scenario, finding) {
  const target = document.getElementById(`finding-${scenario}-${finding}`) || document.getElementById("report");
  target.open = true;
  if (scenario !== current && target.id !== "report") showScenario(scenario);
  for (const one of document.querySelectorAll(".finding.current")) one.classList.remove("current");
  target.classList.add("current");
  target.scrollIntoView({ block: "start" });
  target.querySelector("summary").focus({ preventScroll: true });
}

function startScenarios() {
  for (const button of document.querySelectorAll("button[data-scenario]")) {
    button.addEventListener("click", () => showScenario(Number(button.dataset.scenario)));
  }
  const named = /^#finding-(\d+)-(\d+)$/.exec(location.hash);
  showScenario(named && PLACES[named[1]] ? Number(named[1]) : Math.max(0, PLACES.findIndex((place) => !place.hidden)));
  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href^="#finding-"]');
    const place = link && /^#finding-(\d+)-(\d+)$/.exec(link.getAttribute("href"));
    if (!place) return;
    event.preventDefault();
    showFinding(Number(place[1]), Number(place[2]));
  });
  if (named) showFinding(Number(named[1]), Number(named[2]));
}

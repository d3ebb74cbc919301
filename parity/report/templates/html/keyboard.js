// Keys that work anywhere on the page, except while something is typed.

function step(direction) {
  const findings = [...PLACES[current].querySelectorAll(".finding")];
  const at = findings.findIndex((one) => one.classList.contains("current"));
  const next = findings[at < 0 ? (direction > 0 ? 0 : findings.length - 1) : at + direction];
  if (next) {
    const [, scenario, finding] = next.id.split("-");
    showFinding(Number(scenario), Number(finding));
  }
}

const KEYS = {
  j: () => step(1),
  k: () => step(-1),
  d: () => PLACES[current].querySelector(".divergence a")?.click(),
  t: nextTheme,
  "[": () => PLACES[current - 1] && showScenario(current - 1),
  "]": () => PLACES[current + 1] && showScenario(current + 1),
  "?": () => document.getElementById("help").showModal(),
  "/": () => PLACES[current].querySelector('.tensors input[type="search"]')?.focus(),
};

function startKeyboard() {
  const help = document.getElementById("help");
  document.getElementById("help-open").addEventListener("click", () => help.showModal());
  document.getElementById("help-close").addEventListener("click", () => help.close());
  document.addEventListener("keydown", (event) => {
    const typing = event.target.matches?.('input:not([type="checkbox"]), textarea, select');
    if (typing || help.open || event.ctrlKey || event.metaKey || event.altKey || !(event.key in KEYS)) return;
    event.preventDefault();
    KEYS[event.key]();
  });
}

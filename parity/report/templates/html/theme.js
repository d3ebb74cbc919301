// The theme follows the system until somebody chooses; the choice is kept where the browser lets a file keep anything.

const THEMES = ["automatic", "light", "dark"];
const THEME_KEY = "parity-theme";

function storedTheme() {
  try {
    return localStorage.getItem(THEME_KEY) || THEMES[0];
  } catch {
    return THEMES[0];
  }
}

function applyTheme(theme) {
  if (theme === THEMES[0]) delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  document.getElementById("theme").textContent = `Theme: ${theme}`;
}

function nextTheme() {
  const current = document.documentElement.dataset.theme || THEMES[0];
  const next = THEMES[(THEMES.indexOf(current) + 1) % THEMES.length];
  applyTheme(next);
  try {
    localStorage.setItem(THEME_KEY, next);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function startTheme() {
  const stored = storedTheme();
  applyTheme(THEMES.includes(stored) ? stored : THEMES[0]);
  document.getElementById("theme").addEventListener("click", nextTheme);
}

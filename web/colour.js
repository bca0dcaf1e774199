// Colours of scores, and the light and the dark theme.
//
// A score has one of eight steps: three below the threshold (0 is the worst), five from there to
// 100 and above. The steps are shades of orange and of blue, which all forms of colour blindness
// tell apart, and darkness goes one way within each. Numbers and letters say the same.
import { h } from "./dom.js";

const PEERS = [80, 90, 95, 97, 99, 101, 103]; // per cent of the median of its kind
export const STEPS = 8;

export function stepOfScore(score, threshold) {
  if (score === null || Number.isNaN(score)) return -1;
  const t = threshold ?? 0;
  if (t > 0 && score < t) return score < 0.5 * t ? 0 : score < 0.8 * t ? 1 : 2;
  if (score >= 100 || t >= 100) return 7;
  return 3 + Math.min(3, Math.floor((4 * (score - t)) / (100 - t)));
}

export function stepOfPeers(percent) {
  if (Number.isNaN(percent)) return -1;
  const step = PEERS.findIndex((bound) => percent < bound);
  return step < 0 ? 7 : step;
}

// What a step means, for the legend.
export function stepWords(peers, step) {
  if (peers && step === 0) return `below ${PEERS[0]} %`;
  if (peers) return step === 7 ? `${PEERS[6]} % and more` : `${PEERS[step - 1]} to ${PEERS[step]} %`;
  return ["below half the threshold", "below 80 % of it", "below the threshold", "above it",
    "a quarter of the way to 100", "half of it", "three quarters", "100 and above"][step];
}

// Colours as the page has them now, for a canvas: {steps: [[ground, text], ...], ...}.
export function palette() {
  const probe = h("span", { hidden: true });
  document.body.append(probe);
  const resolve = (variable) => {
    probe.style.color = `var(${variable})`;
    return getComputedStyle(probe).color;
  };
  const colours = {
    steps: Array.from({ length: STEPS }, (_, i) => [resolve(`--s${i}`), resolve(`--t${i}`)]),
    ground: resolve("--ground"), text: resolve("--text"), muted: resolve("--muted"), line: resolve("--line"),
    failed: resolve("--failed"), error: resolve("--error"), waiting: resolve("--faint"),
  };
  probe.remove();
  return colours;
}

// On paper the page is light, whatever it is on the screen.
export function lightOnPaper(changed) {
  const root = document.documentElement;
  let before;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    changed();
  });
  addEventListener("afterprint", () => {
    if (before === undefined) delete root.dataset.theme;
    else root.dataset.theme = before;
    changed();
  });
}

const THEMES = ["auto", "light", "dark"];

function stored() {
  try {
    return localStorage.getItem("muster-theme");
  } catch {
    return null;
  }
}

// The switch. `changed` is called when colours are other ones.
export function themeSwitch(changed) {
  const root = document.documentElement;
  const show = (theme) => {
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
  };
  const start = THEMES.includes(stored()) ? stored() : "auto";
  show(start);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", changed);
  const select = h("select", {
    id: "theme",
    onchange: () => {
      show(select.value);
      try {
        localStorage.setItem("muster-theme", select.value);
      } catch {
        // where nothing may be kept, the choice is for this page alone
      }
      changed();
    },
  }, THEMES.map((t) => h("option", { value: t, selected: t === start }, t === "auto" ? "as the system" : t)));
  return h("label", { class: "theme" }, h("span", {}, "Theme"), select);
}

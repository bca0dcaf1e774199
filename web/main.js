// Where the program begins: what the document is tells what to show.
import { h } from "./dom.js";
import { FileSource } from "./data.js";
import { themeSwitch, lightOnPaper } from "./colour.js";
import { Report } from "./report.js";
import { servePage } from "./pages.js";

function start() {
  let shown = null;
  const changed = () => shown?.recolour?.();
  lightOnPaper(changed);
  document.getElementById("tools").append(themeSwitch(changed));
  const main = document.querySelector("main");
  if (document.getElementById("overview")) {
    const source = new FileSource();
    shown = new Report(main, source, source.overview());
  } else {
    servePage(main, (page) => (shown = page));
  }
}

try {
  start();
} catch (error) {
  document.querySelector("main").prepend(h("p", { role: "alert" }, `The page cannot be shown: ${error.message}`));
  throw error;
}

// The pages of muster serve.
import { h, put } from "./dom.js";
import { ServeSource } from "./data.js";
import { Report } from "./report.js";

export async function servePage(main, shown) {
  const [, what, id] = location.pathname.split("/").map(decodeURIComponent);
  if (what !== "runs") return;
  const source = new ServeSource(id);
  shown(new Report(main, source, await source.overview(), {}));
  put(document.getElementById("where"), h("a", { href: "/" }, "All runs"));
}

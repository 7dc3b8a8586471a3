// Draws the charts, follows the stream, and says when it is lost. Without it the page shows pictures and tables.
import { expressionInterpreter } from "vega-interpreter";

const dark = matchMedia("(prefers-color-scheme: dark)");
const views = new Map();
const themes = JSON.parse(document.getElementById("themes").textContent);

async function draw(panel, spec) {
  const place = panel.querySelector(".chart");
  views.get(panel)?.finalize();
  views.delete(panel);
  if (!place || !spec || panel.dataset.kind === "kpi") return;
  const theme = themes[dark.matches ? "dark" : "light"];
  const compiled = vegaLite.compile({ ...spec, config: { ...spec.config, ...theme } }).spec;
  const view = new vega.View(vega.parse(compiled, null, { ast: true }), {
    expr: expressionInterpreter,
    renderer: "canvas",
    container: place,
    hover: true,
  });
  views.set(panel, view);
  await view.runAsync();
}

function spec(panel) {
  const held = panel.querySelector("script.spec");
  return held ? JSON.parse(held.textContent) : null;
}

async function drawAll() {
  for (const panel of document.querySelectorAll(".panel")) {
    try {
      await draw(panel, spec(panel));
    } catch (error) {
      console.error(error);
      const place = panel.querySelector(".chart");
      const picture = panel.querySelector("noscript");
      if (place && picture) place.innerHTML = picture.textContent;
    }
  }
}

function follow(address) {
  const lost = document.getElementById("lost");
  const told = document.getElementById("generated");
  const stream = new EventSource(address);
  let last = Date.now();
  const alive = () => {
    last = Date.now();
    lost.hidden = true;
  };
  stream.addEventListener("panels", (event) => {
    alive();
    const data = JSON.parse(event.data);
    told.textContent = new Date(data.generated_at).toLocaleTimeString(document.documentElement.lang, { timeZone: "Asia/Seoul" });
    for (const one of data.panels) {
      const panel = document.getElementById(`panel-${one.number}`);
      const now = JSON.stringify(one);
      if (!panel || panel.dataset.shown === now) continue;
      panel.dataset.shown = now;
      const open = panel.querySelector("details")?.open;
      views.get(panel)?.finalize();
      views.delete(panel);
      panel.innerHTML = one.html;
      const details = panel.querySelector("details");
      if (details && open) details.open = true;
      draw(panel, one.chart).catch(console.error);
    }
  });
  stream.addEventListener("problem", () => {
    lost.hidden = false;
  });
  stream.onerror = () => {
    lost.hidden = false;
  };
  // A connection that hangs half-open tells nobody: silence for three rounds counts as lost.
  setInterval(() => {
    if (Date.now() - last > 16000) lost.hidden = false;
  }, 2000);
}

dark.addEventListener("change", drawAll);
await document.fonts.ready;
await drawAll();
if (document.body.dataset.stream) follow(document.body.dataset.stream);
document.body.dataset.drawn = "yes";
const save = document.getElementById("save");
save?.addEventListener("click", async () => {
  save.disabled = true;
  const answer = await fetch(save.dataset.address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "Idempotency-Key": save.dataset.key },
    body: save.dataset.body,
  });
  const body = await answer.json();
  if (answer.ok && body.data.dashboard) location.href = body.data.dashboard.html;
  else {
    save.disabled = false;
    document.getElementById("saved").textContent = body.detail ?? answer.statusText;
  }
});

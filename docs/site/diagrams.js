// Draw the diagrams of the page in its colors, and again when the reader or the system changes between light and dark.
const sources = new Map();
for (const block of document.querySelectorAll("div.mermaid")) {
  sources.set(block, block.textContent);
}
const systemTheme = matchMedia("(prefers-color-scheme: dark)");

async function draw() {
  const chosen = document.body.dataset.theme;
  const dark = chosen === "dark" || (chosen !== "light" && systemTheme.matches);
  mermaid.initialize({ startOnLoad: false, securityLevel: "strict", theme: dark ? "dark" : "neutral" });
  for (const [block, source] of sources) {
    const { svg } = await mermaid.render(`diagram-${[...sources.keys()].indexOf(block)}`, source);
    block.innerHTML = svg;
  }
}

new MutationObserver(draw).observe(document.body, { attributeFilter: ["data-theme"] });
systemTheme.addEventListener("change", draw);
draw();

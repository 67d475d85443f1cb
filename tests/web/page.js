// Runs in the page that browser.py makes: draws each chart as GitHub would and leaves what became of it in #drawings.
const theme = document.documentElement.dataset.theme;
mermaid.initialize({ startOnLoad: false, suppressErrorRendering: true, theme: theme === "dark" ? "dark" : "default" });

const message = (error) => String(error?.message ?? error);

function measure(svg) {
  const frame = svg.getBoundingClientRect();
  const labels = [...svg.querySelectorAll("text")]
    .filter((label) => label.textContent.trim())
    .map((label) => ({ text: label.textContent.trim(), box: label.getBoundingClientRect() }));
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top;
  const overlapping = labels.flatMap((one, index) =>
    labels.slice(index + 1).filter((other) => !apart(one.box, other.box)).map((other) => [one.text, other.text]));
  const cut = labels.filter(({ box }) =>
    box.left < frame.left - 1 || box.top < frame.top - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1);
  const paths = [...svg.querySelectorAll("[class^='line-plot'] path")];
  return {
    svg: svg.outerHTML,
    labels: labels.map(({ text }) => text),
    overlapping,
    cut: cut.map(({ text }) => text),
    lines: paths.map((line) => ({ colour: getComputedStyle(line).stroke, path: line.getAttribute("d") })),
    bars: svg.querySelectorAll("[class^='bar-plot'] rect").length,
    width: Math.round(frame.width),
    height: Math.round(frame.height),
  };
}

async function draw(pre, index) {
  const source = pre.textContent.replace(/^\n|\n+$/g, "");
  let kind;
  try {
    kind = (await mermaid.parse(source)).diagramType;
  } catch (error) {
    return { source, error: message(error) };
  }
  try {
    const { svg } = await mermaid.render(`chart-${index}`, source);
    const place = document.createElement("div");
    place.className = "mermaid";
    place.innerHTML = svg;
    const image = place.querySelector("svg");
    if (image.getAttribute("aria-roledescription") !== kind) {
      // A chart that tells of a source that is too long, for one.
      return { source, error: null, failure: `mermaid drew something else: ${image.textContent.slice(-200)}` };
    }
    pre.replaceWith(place);
    return { source, error: null, ...measure(image) };
  } catch (error) {
    return { source, error: null, failure: message(error) };
  }
}

async function drawAll() {
  const drawings = [];
  for (const pre of document.querySelectorAll("pre")) {
    if (pre.lang === "mermaid" || pre.querySelector(":scope > code.language-mermaid")) {
      drawings.push(await draw(pre, drawings.length));
    }
  }
  const note = document.createElement("script");
  note.type = "application/json";
  note.id = "drawings";
  note.textContent = JSON.stringify(drawings).replaceAll("<", "\\u003c");
  document.body.append(note);
}

drawAll();

// Renders Markdown as GitHub would, sanitised, and prints a line of JSON for each file: what came of it.
//
//   node rendering.mjs PROJECT FILE...
//
// PROJECT holds the installed packages. What GitHub does beyond GFM (mentions, emoji, formulas) is not rendered but
// listed as `live`. Whether a chart parses is for a browser to say: mermaid needs a DOM as soon as a chart has a title.
import { readFileSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [project, ...files] = process.argv.slice(2);
const load = (name) => import(pathToFileURL(path.resolve(project, "node_modules", name, "index.js")).href);
const { unified } = await load("unified");
const { defaultSchema, default: sanitize } = await load("rehype-sanitize");
const [parse, gfm, toHast, raw, stringify] = (
  await Promise.all(["remark-parse", "remark-gfm", "remark-rehype", "rehype-raw", "rehype-stringify"].map(load))
).map((module) => module.default);

const BLOCKS = new Set(
  "blockquote br dd details div dl dt h1 h2 h3 h4 h5 h6 hr li ol p pre section summary table td th tr ul".split(" "),
);
const LITERAL = new Set(["a", "code", "pre", "tt"]);
// Names, issues, emoji and formulas that GitHub looks for in plain text.
const LIVE = [
  /(?<![\w/`@])@[a-z\d][a-z\d-]*(?:\/[\w-]+)?/gi,
  /(?<![\w/#])(?:[\w.-]+(?:\/[\w.-]+)?)?#\d+\b|\bGH-\d+\b/gi,
  /:[a-z+-][\w+-]*:/gi,
  /(?<![\w$])\$\$?(?=\S)[^$\n]*\S\$(?!\w)/g,
];

// GFM's "disallowed raw HTML": these tags are shown, whatever stands in them.
const RAW = /<(?=\/?(?:title|textarea|style|xmp|iframe|noembed|noframes|script|plaintext)(?:[\s/>]|$))/gi;
const filterTags = () => function filter(node) {
  if (node.type === "raw") node.value = node.value.replace(RAW, "&lt;");
  node.children?.forEach(filter);
};

function* nodes(node, above = []) {
  yield [node, above];
  for (const child of node.children ?? []) yield* nodes(child, [...above, node.tagName]);
}

const elements = (tree, ...names) =>
  [...nodes(tree)].map(([node]) => node).filter((node) => node.type === "element" && (!names.length || names.includes(node.tagName)));

function text(node) {
  if (node.type === "text") return node.value;
  const inner = (node.children ?? []).map(text).join("");
  return BLOCKS.has(node.tagName) ? `\n${inner}\n` : inner;
}

const shown = (node) => text(node).replace(/\s*\n\s*/g, "\n").trim();
const attributes = (tree, tag, name) => elements(tree, tag).map((node) => node.properties[name]).filter((value) => value !== undefined);
const isChart = (pre) =>
  pre.properties.lang === "mermaid" ||
  pre.children.some((child) => child.tagName === "code" && child.properties.className?.includes("language-mermaid"));

// As a browser reads it: it knows one kind of line end.
const chartSource = (pre) => text(pre).replace(/\r\n?/g, "\n").replace(/^\n|\n+$/g, "");

const processor = unified()
  .use(parse)
  .use(gfm)
  .use(toHast, { allowDangerousHtml: true })
  .use(filterTags)
  .use(raw)
  .use(sanitize, defaultSchema)
  .use(stringify);

for (const file of files) {
  const tree = await processor.run(processor.parse(readFileSync(file, "utf8")));
  const all = elements(tree);
  const live = [...nodes(tree)]
    .filter(([node, above]) => node.type === "text" && !above.some((name) => LITERAL.has(name)))
    .flatMap(([node]) => LIVE.flatMap((pattern) => node.value.match(pattern) ?? []));
  const about = {
    html: processor.stringify(tree),
    charts: elements(tree, "pre").filter(isChart).map(chartSource),
    links: attributes(tree, "a", "href"),
    images: attributes(tree, "img", "src"),
    elements: [...new Set(all.map((node) => node.tagName))].sort(),
    attributes: [...new Set(all.flatMap((node) => Object.keys(node.properties)))].sort(),
    headings: elements(tree, "h1", "h2", "h3", "h4", "h5", "h6").map(shown),
    text: shown(tree),
    tables: elements(tree, "table").map((table) => elements(table, "tr").map((row) => elements(row, "th", "td").map(shown))),
    live,
  };
  console.log(JSON.stringify(about));
}

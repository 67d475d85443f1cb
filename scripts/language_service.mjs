// Checks workflow and action files with GitHub's own language service; prints a line for each mistake.
//
//   node scripts/language_service.mjs PROJECT ROOT METADATA FILE...
//
// PROJECT holds the installed packages, ROOT the repository that FILE... are relative to, and METADATA one folder with
// an action.yml for each action of somebody else, named after its repository.
import { existsSync, readFileSync } from "node:fs";
import { register } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

// The packages import .json files without the attribute that Node asks for.
const hook = `export const load = (url, context, next) =>
  next(url, url.endsWith(".json") ? { ...context, format: "json", importAttributes: { type: "json" } } : context);`;
register(`data:text/javascript,${encodeURIComponent(hook)}`, import.meta.url);

const [project, root, metadata, ...files] = process.argv.slice(2);
const load = (file) => import(pathToFileURL(path.resolve(project, "node_modules", file)).href);
const { registerLogger, validate } = await load("@actions/languageservice/dist/index.js");
const { TextDocument } = await load("vscode-languageserver-textdocument/lib/esm/main.js");
const { parse } = (await load("yaml/dist/index.js")).default;

const OWN = "org/soak-action";
// The service knows `$/path` and checks no input of the bare `$/`: under its public name everything is checked.
const read = (file) =>
  readFileSync(path.join(root, file), "utf8").replace(/uses: (?:\$|\.)\/(\S*)/g, (_, place) => `uses: ${OWN}${place && "/"}${place}@v1`);

const config = {
  fileProvider: { getFileContent: async ({ path: file }) => ({ name: file, content: read(file) }) },
  actionsMetadataProvider: {
    fetchActionMetadata: async ({ owner, name, path: below = "" }) => {
      const folder = `${owner}/${name}` === OWN ? path.join(root, below) : path.join(metadata, name);
      const file = path.join(folder, "action.yml");
      return existsSync(file) ? parse(readFileSync(file, "utf8")) : undefined;
    },
  },
};

let mistakes = 0;
const tell = (place, message) => {
  mistakes += 1;
  console.log(`${place}: ${message}`);
};
// What the service fails at it only logs, and then it finds no mistakes at all.
const broken = (message) => tell("language service", message);
registerLogger({ log() {}, info() {}, warn() {}, error: broken });

for (const file of files) {
  const document = TextDocument.create(pathToFileURL(path.resolve(root, file)).href, "yaml", 1, read(file));
  for (const { range, message } of await validate(document, config)) {
    tell(`${file}:${range.start.line + 1}:${range.start.character + 1}`, message);
  }
}
process.exit(mistakes ? 1 : 0);

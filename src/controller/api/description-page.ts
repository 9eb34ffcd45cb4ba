import type { Schema } from "./description-answers.ts";
import type { ApiDescription, DescribedOperation } from "./description.ts";

/** Nothing but the style that stands in the page itself: it loads nothing, from nowhere. */
export const PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

const STYLE = `
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #1a1a1a; background: #fff }
h2 { margin-top: 2.5rem } code, pre, .verb { font-family: ui-monospace, monospace; font-size: 13px }
details { border: 1px solid #ddd; border-radius: 4px; margin: .4rem 0 } details > :not(summary) { margin: .5rem 1rem }
summary { padding: .4rem .7rem; cursor: pointer } .verb { display: inline-block; width: 4.5rem; font-weight: 600 }
.about { color: #555; margin-left: .7rem } td, th { text-align: left; padding: .15rem 1.5rem .15rem 0; vertical-align: top }
pre { background: #f6f6f6; padding: .6rem; overflow: auto }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #161616 } pre { background: #222 } details { border-color: #444 }
.about { color: #aaa } a { color: #8ab4f8 } }`;

/**
 * The API's description as a page for people. OpenWhisk sends browsers to a Swagger UI, which is several megabytes of script or a
 * load from elsewhere; this is one page of text that works without either.
 */
export function descriptionPage({ info, basePath, paths, definitions }: ApiDescription): string {
  const operations = Object.entries(paths).flatMap(([path, verbs]) =>
    Object.entries(verbs).map(([verb, operation]) => ({ path, verb, operation, tag: operation.tags[0] ?? "" })),
  );
  const tags = new Set(operations.map(({ tag }) => tag));
  const sections = Array.from(tags, (tag) => {
    const items = operations.filter((candidate) => candidate.tag === tag);
    const shown = items.map(({ path, verb, operation }) => operationItem(verb, basePath + path, operation));
    return `<h2>${text(tag)}</h2>\n${shown.join("\n")}`;
  });
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${text(info.title)}</title>
<meta name="viewport" content="width=device-width"><style>${STYLE}</style></head><body>
<h1>${text(info.title)} <small>${text(info.version)}</small></h1>
<p>${text(info.description)}. Requests carry HTTP Basic credentials, <code>uuid:key</code>; errors are <a href="#ErrorMessage">ErrorMessage</a>.
The same for machines: <a href="${text(basePath)}/api-docs">${text(basePath)}/api-docs</a>.</p>
${sections.join("\n")}
<h2>Shapes</h2>
${Object.entries(definitions).map(definitionItem).join("\n")}
</body></html>
`;
}

function operationItem(verb: string, path: string, operation: DescribedOperation): string {
  const parameters = operation.parameters.filter((parameter) => parameter.in !== "body");
  const body = operation.parameters.find((parameter) => parameter.in === "body");
  const rows = parameters.map(({ name, in: where, type }) => row(name, where, type ?? ""));
  const answers = Object.entries(operation.responses).map(
    ([status, { description, schema }]) =>
      `<tr><td>${text(status)}</td><td>${text(description)}</td><td>${schema === undefined ? "" : shape(schema)}</td></tr>`,
  );
  return `<details><summary><span class="verb">${text(verb.toUpperCase())}</span><code>${text(path)}</code>
<span class="about">${text(operation.summary)}</span></summary>
${rows.length === 0 ? "" : `<table>${rows.join("")}</table>`}
${body?.schema === undefined ? "" : `<p>Body${body.required ? "" : " (may be left out)"}:</p>${pretty(body.schema)}`}
<table>${answers.join("")}</table></details>`;
}

function definitionItem([name, schema]: readonly [string, Schema]): string {
  return `<details id="${text(name)}"><summary><code>${text(name)}</code></summary>${pretty(schema)}</details>`;
}

/** A link to a definition, or to what a list holds. */
function shape(schema: Schema): string {
  const reference = schema["$ref"];
  if (typeof reference === "string") {
    const name = text(reference.replace("#/definitions/", ""));
    return `<a href="#${name}">${name}</a>`;
  }
  const { items } = schema as { readonly items?: Schema };
  return items === undefined ? "" : `list of ${shape(items)}`;
}

function pretty(schema: Schema): string {
  return `<pre>${text(JSON.stringify(schema, undefined, 2))}</pre>`;
}

function row(...cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${text(cell)}</td>`).join("")}</tr>`;
}

function text(value: string): string {
  return value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A reference without outside assets: it reads /openapi.json, lists the operations and lets one try them. */
export function docsPage(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Dure API</title>
<style nonce="${nonce}">${STYLE}</style>
</head>
<body>
<header><h1>Dure API</h1>
<label>API key <input id="key" type="password" autocomplete="off" placeholder="dure_…"></label>
<a href="/openapi.json">openapi.json</a></header>
<main id="operations"><p>Loading…</p></main>
<script nonce="${nonce}" type="module">${SCRIPT}</script>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif }
body { max-width: 60rem; margin: 0 auto; padding: 1rem }
header { display: flex; flex-wrap: wrap; gap: 1rem; align-items: center }
h1 { margin: 0; font-size: 1.4rem }
h2 { margin: 1.5rem 0 .5rem }
details { border: 1px solid #8886; border-radius: 6px; margin: .3rem 0; padding: .4rem .7rem }
summary { cursor: pointer }
summary b { display: inline-block; min-width: 4.5rem; text-transform: uppercase }
label { display: block; margin: .3rem 0 }
input, textarea { font: inherit; font-family: ui-monospace, monospace; width: 100%; box-sizing: border-box }
header input { width: 22rem }
textarea { min-height: 6rem }
pre { overflow: auto; padding: .6rem; background: #8882; border-radius: 6px }
`;

/** Builds everything with DOM calls and text nodes: nothing of the document is ever read as markup. */
const SCRIPT = `
const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const document_ = await (await fetch("/openapi.json")).json();
const groups = new Map();
for (const [path, methods] of Object.entries(document_.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    const tag = operation.tags?.[0] ?? "API";
    if (!groups.has(tag)) groups.set(tag, []);
    groups.get(tag).push({ path, method, operation });
  }
}
const form = ({ path, method, operation }) => {
  const inputs = (operation.parameters ?? []).map((parameter) => ({ parameter, input: make("input", { name: parameter.name }) }));
  const body = operation.requestBody ? make("textarea", { value: "{}" }) : null;
  const answer = make("pre", { hidden: true });
  const send = make("button", { textContent: "Send" });
  send.addEventListener("click", async () => {
    const headers = {};
    const key = document.getElementById("key").value.trim();
    if (key) headers.authorization = "Bearer " + key;
    if (body) headers["content-type"] = "application/json";
    const url = new URL(location.origin);
    let target = path;
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") target = target.replace("{" + parameter.name + "}", encodeURIComponent(input.value));
      else if (input.value === "") continue;
      else if (parameter.in === "query") url.searchParams.set(parameter.name, input.value);
      else headers[parameter.name] = input.value;
    }
    url.pathname = target;
    answer.hidden = false;
    answer.textContent = "…";
    try {
      const response = await fetch(url, { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
      const text = await response.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch (error) { console.debug("not JSON", error); }
      answer.textContent = response.status + " " + response.statusText + "\\n\\n" + shown;
    } catch (error) {
      answer.textContent = String(error);
    }
  });
  const fields = inputs.map(({ parameter, input }) => make("label", {}, parameter.in + ": " + parameter.name, input));
  return make("div", {}, make("p", { textContent: operation.description ?? "" }), ...fields, ...(body ? [make("label", {}, "body", body)] : []), send, answer);
};
const list = [...groups].flatMap(([tag, operations]) => [
  make("h2", { textContent: tag }),
  ...operations.map((entry) =>
    make("details", {}, make("summary", {}, make("b", { textContent: entry.method }), make("code", { textContent: entry.path }), " " + (entry.operation.summary ?? "")), form(entry)),
  ),
]);
document.getElementById("operations").replaceChildren(...list);
`;

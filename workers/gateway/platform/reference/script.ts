/**
 * What runs in the page of the reference. Builds everything with DOM calls and text nodes: nothing of the document is
 * ever read as markup.
 */
export const SCRIPT = `
const make = (tag, properties = {}, ...children) => {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
};
const api = await (await fetch("/openapi.json")).json();
const resolve = (schema) => schema && schema.$ref
  ? { ...schema.$ref.slice(2).split("/").reduce((at, step) => at[step], api), ...schema, $ref: undefined, name: schema.$ref.split("/").pop() }
  : schema ?? {};
const json = (value) => JSON.stringify(value);

// A sentence of the document: what stands between backticks is code.
const prose = (text) => text.split("\`").map((part, i) => i % 2 ? make("code", { textContent: part }) : part);

// What a field holds, in a few words.
const typeOf = (found) => {
  const schema = resolve(found);
  if (schema.const !== undefined) return json(schema.const);
  if (schema.enum) return schema.enum.map(json).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(typeOf))].join(" | ");
  if (schema.type === "array") return "list of " + typeOf(schema.items);
  const name = schema.name ?? (Array.isArray(schema.type) ? schema.type.join(" | ") : schema.type) ?? "any JSON value";
  const range = (least, most, unit) => least !== undefined && most !== undefined ? [least.toLocaleString("en") + " to " + most.toLocaleString("en") + unit]
    : least !== undefined ? ["from " + least.toLocaleString("en") + unit] : most !== undefined ? ["to " + most.toLocaleString("en") + unit] : [];
  const limits = [...range(schema.minimum, schema.maximum, ""), ...range(schema.minLength, schema.maxLength, " characters")];
  return name + (schema.format ? " (" + schema.format + ")" : "") + (limits.length ? ", " + limits.join(" ") : "");
};

// The parts of a schema that have fields of their own.
const objectsIn = (found) => {
  const schema = resolve(found);
  if (schema.type === "array") return objectsIn(schema.items);
  const choices = schema.anyOf ?? schema.oneOf ?? schema.allOf;
  if (choices) return choices.flatMap(objectsIn);
  return schema.properties ? [schema] : [];
};

const exampleOf = (schema) => schema.example ?? (schema.examples ? Object.values(schema.examples)[0] : undefined);

const fieldsOf = (found, seen = []) => {
  const parts = objectsIn(found);
  return parts.flatMap((schema) => [
    ...(parts.length > 1 ? [make("p", { className: "hint", textContent: "Either:" })] : []),
    make("dl", {}, ...Object.entries(schema.properties).flatMap(([name, property]) => {
      const field = resolve(property);
      const needed = (schema.required ?? []).includes(name);
      const facts = [typeOf(property), ...(field.default === undefined ? [] : ["default " + json(field.default)])].join(", ");
      const example = exampleOf(field);
      const inner = seen.includes(field.name) || seen.length > 3 ? [] : fieldsOf(property, [...seen, field.name]);
      return [
        make("dt", {}, make("code", { textContent: name }), " ", make("span", { className: "type", textContent: facts }),
          ...(needed ? [" ", make("span", { className: "need", textContent: "required" })] : [])),
        make("dd", {}, ...prose(field.description ?? ""),
          ...(example === undefined ? [] : [" ", make("span", { className: "hint" }, "Example: ", make("code", { textContent: json(example) }))]),
          ...(inner.length ? [make("details", {}, make("summary", { textContent: "Fields of " + name }), ...inner)] : [])),
      ];
    })),
  ]);
};

// A body that works as it is: what is required, each as its example has it.
const bodyOf = (found) => {
  const schema = resolve(found);
  const whole = exampleOf(schema);
  if (whole !== undefined) return whole;
  const [object] = objectsIn(schema);
  if (!object) return schema.type === "array" ? [] : {};
  return Object.fromEntries((object.required ?? []).map((name) => {
    const field = resolve(object.properties[name]);
    const inner = field.type === "array" ? [bodyOf(field.items)] : bodyOf(field);
    return [name, field.const ?? exampleOf(field) ?? field.enum?.[0] ?? inner];
  }));
};

const keyInput = document.getElementById("key");
// npm start links to this page with the local key behind the #, which no server is sent.
const given = new URLSearchParams(location.hash.slice(1)).get("key");
if (given) {
  keyInput.value = given;
  history.replaceState(null, "", location.pathname);
}

const tryIt = ({ path, method, operation }) => {
  const inputs = (operation.parameters ?? []).map((parameter) => {
    const example = exampleOf(parameter);
    const value = parameter.in === "path" && example !== undefined ? example : "";
    return { parameter, input: make("input", { name: parameter.name, value, placeholder: example === undefined ? "" : String(example) }) };
  });
  const content = operation.requestBody?.content["application/json"];
  const body = content ? make("textarea", { value: JSON.stringify(bodyOf(content.schema), null, 2), spellcheck: false }) : null;
  const answer = make("pre", { hidden: true });
  const send = make("button", { textContent: "Send" });
  send.addEventListener("click", async () => {
    const key = keyInput.value.trim();
    answer.hidden = false;
    if (!key && operation.security.length) {
      answer.textContent = "This call needs an API key: put one in at the top of the page. npm start prints the local one.";
      keyInput.focus();
      return;
    }
    const headers = key && operation.security.length ? { authorization: "Bearer " + key } : {};
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
  const rows = inputs.map(({ parameter, input }) => make("label", {},
    make("code", { textContent: parameter.name }), " ", make("span", { className: "hint" }, parameter.in + (parameter.required ? ", required. " : ". "), ...prose(parameter.description ?? "")), input));
  return [
    make("h3", { textContent: "Try it" }), ...rows, ...(body ? [make("label", {}, make("span", { className: "hint", textContent: "body" }), body)] : []), send, answer,
  ];
};

const answersOf = (operation) => Object.entries(operation.responses).map(([status, response]) => {
  const [type, content] = Object.entries(response.content ?? {})[0] ?? [];
  const fields = content?.schema && status < "400" ? fieldsOf(content.schema) : [];
  return make("details", {}, make("summary", {}, make("b", { textContent: status }), " ", ...prose(response.description + (type ? " (" + type + ")" : ""))), ...fields);
});

const callOf = ({ path, method, operation }) => {
  const node = make("details", { id: operation.operationId },
    make("summary", {}, make("span", { className: "method", textContent: method.toUpperCase() }), make("code", { textContent: path }), " ",
      make("span", { className: "about", textContent: operation.summary })));
  // Built when it is first opened: most calls of a visit never are.
  node.addEventListener("toggle", () => {
    if (node.childElementCount > 1) return;
    const schema = operation.requestBody?.content["application/json"]?.schema;
    node.append(...operation.description.split("\\n\\n").map((text) => make("p", {}, ...prose(text))),
      ...(schema ? [make("h3", { textContent: "Body" }), ...fieldsOf(schema)] : []),
      make("h3", { textContent: "Answers" }), ...answersOf(operation), ...tryIt({ path, method, operation }));
  });
  return node;
};

const calls = Object.entries(api.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })));
const groups = api.tags.map(({ name }) => {
  const mine = calls.filter(({ operation }) => operation.tags.includes(name)).map((call) => ({ call, node: callOf(call) }));
  return { node: make("section", {}, make("h2", { textContent: name }), ...mine.map(({ node }) => node)), mine };
});
document.getElementById("calls").replaceChildren(...groups.map(({ node }) => node));
const first = groups[0].mine[0].node;
(document.getElementById(location.hash.slice(1)) ?? first).open = true;

document.getElementById("find").addEventListener("input", ({ target }) => {
  const words = target.value.toLowerCase().split(/\\s+/).filter(Boolean);
  for (const { node, mine } of groups) {
    for (const { call, node: one } of mine) {
      const text = [call.method, call.path, call.operation.summary, call.operation.description].join(" ").toLowerCase();
      one.hidden = !words.every((word) => text.includes(word));
    }
    node.hidden = mine.every(({ node: one }) => one.hidden);
  }
});
`;

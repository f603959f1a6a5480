/** What an OpenAPI document does not explain: places in it without a description, or without an example. */

export type Json = Record<string, unknown>;

/** What is looked at. Everything that is left out is not. */
export interface Options {
  /** Properties of the schemas of components, of those inside them too. */
  properties?: boolean;
  /** Parameters of calls: in path, query and header. */
  parameters?: boolean;
  /** Answers of calls: a description that says more than the name of the status, and an example where there is JSON. */
  answers?: boolean;
  /** Headers of answers. */
  headers?: boolean;
  /** Calls themselves: a description beside the summary, and an example of the body. */
  calls?: boolean;
}

/** One place, and what it lacks: `Job.queue: description`. */
export type Lack = string;

/** The places of `document` that lack something, in the order of the document. */
export function undescribed(document: Json, options: Options): Lack[] {
  const lacks: Lack[] = [];
  const at = (place: string, node: Json) => {
    if (!isSentence(node.description)) lacks.push(`${place}: description`);
    if (!hasExample(document, node)) lacks.push(`${place}: example`);
  };
  if (options.properties) {
    for (const [name, schema] of entries(member(member(document, "components"), "schemas"))) {
      for (const [place, property] of propertiesOf(name, schema)) at(place, property);
    }
  }
  for (const [call, operation] of callsOf(document)) {
    if (options.calls) lacks.push(...callLacks(document, call, operation));
    if (options.parameters) {
      for (const parameter of list(operation.parameters)) {
        const found = resolved(document, parameter);
        const schema = member(found, "schema");
        at(`${call} ${String(found.name)}`, { ...schema, ...found });
      }
    }
    for (const [status, answer] of entries(member(operation, "responses"))) {
      const place = `${call} ${status}`;
      if (options.answers) lacks.push(...answerLacks(document, place, answer));
      if (!options.headers) continue;
      for (const [name, header] of entries(member(answer, "headers"))) {
        const found = resolved(document, header);
        at(`${place} ${name}`, { ...member(found, "schema"), ...found });
      }
    }
  }
  return lacks;
}

/** Every property below a schema, with its place: `Job.retry.delay`, `Claimed.jobs[].id`. References are not followed. */
export function propertiesOf(place: string, schema: Json): [place: string, property: Json][] {
  const found: [string, Json][] = [];
  for (const [name, property] of entries(member(schema, "properties"))) {
    found.push([`${place}.${name}`, property], ...propertiesOf(`${place}.${name}`, property));
  }
  for (const [index, option] of [...list(schema.anyOf), ...list(schema.oneOf), ...list(schema.allOf)].entries()) {
    found.push(...propertiesOf(`${place}<${nameOfOption(option, index)}>`, option));
  }
  if (isObject(schema.items)) found.push(...propertiesOf(`${place}[]`, schema.items));
  return found;
}

function nameOfOption(option: Json, index: number): string {
  const [first] = entries(member(option, "properties"));
  return first !== undefined && typeof first[1].const === "string" ? first[1].const : String(index);
}

function callLacks(document: Json, call: string, operation: Json): Lack[] {
  const lacks = isSentence(operation.description) ? [] : [`${call}: description`];
  const content = member(member(operation, "requestBody"), "content");
  return entries(content).every(
    ([, media]) => hasExample(document, media) || hasExample(document, member(media, "schema")),
  )
    ? lacks
    : [...lacks, `${call} body: example`];
}

function answerLacks(document: Json, place: string, answer: Json): Lack[] {
  const found = resolved(document, answer);
  const lacks = isSentence(found.description) ? [] : [`${place}: description`];
  const json = entries(member(found, "content")).filter(([type]) => type.endsWith("json"));
  return json.every(([, media]) => hasExample(document, media) || hasExample(document, member(media, "schema")))
    ? lacks
    : [...lacks, `${place}: example`];
}

/** Whether a place has an example itself, or is a component that has one, or that or null, or a list of it. */
function hasExample(document: Json, node: Json): boolean {
  if ((Array.isArray(node.examples) && node.examples.length > 0) || "example" in node) return true;
  if (isObject(node.examples) && Object.keys(node.examples).length > 0) return true;
  if (typeof node.$ref === "string") return hasExample(document, resolved(document, node));
  if (isObject(node.items)) return hasExample(document, node.items);
  return list(node.anyOf).some((option) => option.type !== "null" && hasExample(document, option));
}

/** A description is a sentence, or several: it begins with a capital letter or a quoted word and ends with a full stop. */
function isSentence(text: unknown): boolean {
  return typeof text === "string" && /^[A-Z0-9`]/.test(text) && /\.`?$/.test(text);
}

function resolved(document: Json, node: Json): Json {
  if (typeof node.$ref !== "string") return node;
  const steps = node.$ref.replace(/^#\//, "").split("/");
  return steps.reduce((at, step) => member(at, step), document);
}

function callsOf(document: Json): [string, Json][] {
  return entries(member(document, "paths")).flatMap(([path, methods]) =>
    entries(methods).map(([method, operation]): [string, Json] => [`${method.toUpperCase()} ${path}`, operation]),
  );
}

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function member(node: Json, name: string): Json {
  const value = node[name];
  return isObject(value) ? value : {};
}

function entries(node: Json): [string, Json][] {
  return Object.entries(node).flatMap(([name, value]) => (isObject(value) ? [[name, value]] : []));
}

function list(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

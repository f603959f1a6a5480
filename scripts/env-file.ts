import { renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Where a running platform answers, and the key that it knows. */
export interface Address {
  url: string;
  key: string;
}

/**
 * The shell function `json` of the file below, for any POSIX shell: it reads one JSON text and prints it legibly; one name prints the
 * bare value of that member, several names an object of these members. A name may be a path, as `jobs.0.lease`. A member that
 * is not there ends it with 1, and what was read goes to the standard error, so that a problem is seen.
 */
const JSON_FUNCTION = `json() {
  node -e '
    const text = require("node:fs").readFileSync(0, "utf8");
    const names = process.argv.slice(1);
    const fail = (why) => { console.error(why + ": " + text); process.exit(1); };
    const parse = () => { try { return JSON.parse(text); } catch { return fail("This is not JSON"); } };
    if (text === "") { console.error("There was no answer. Does the platform run?"); process.exit(1); };
    const answer = parse();
    const member = (name) => {
      const value = name.split(".").reduce((of, part) => of?.[part], answer);
      return value === undefined ? fail("There is no " + name + " in this answer") : value;
    };
    const legible = (value) => JSON.stringify(value, null, 2);
    const bare = (value) => (typeof value === "string" ? value : legible(value));
    if (names.length === 0) console.log(legible(answer));
    else if (names.length === 1) console.log(bare(member(names[0])));
    else console.log(legible(Object.fromEntries(names.map((name) => [name, member(name)]))));
  ' -- "$@"
}
`;

/**
 * Writes `env.sh` into the state directory, readable by its owner alone: what a shell needs for the commands of the README and the
 * guides. It is written anew at every start, because the address may be another. Returns its path.
 */
export function writeEnvFile(stateDir: string, { url, key }: Address): string {
  const file = join(stateDir, "env.sh");
  const draft = join(stateDir, `.env.sh-${process.pid}`);
  writeFileSync(
    draft,
    `# Written by \`npm start\`. Source it in a POSIX shell: . ${shellQuoted(file)}
export DURE_URL=${shellQuoted(url)}
export DURE_KEY=${shellQuoted(key)}
AUTH="Authorization: Bearer $DURE_KEY"
JSON="Content-Type: application/json"

# Prints the JSON that it reads legibly; with names, only these members of it.
${JSON_FUNCTION}`,
    { mode: 0o600 },
  );
  renameSync(draft, file);
  return file;
}

/** One word of a POSIX shell, whatever is in the text; as it is where nothing in it needs a quote. */
export function shellQuoted(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

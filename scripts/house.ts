import { CHECKS } from "../test/unit/house/checks.ts";
import { repositoryFiles } from "../test/unit/house/repository.ts";

/**
 * Checks the source tree by the rules of the house and prints what breaks them; ends with 1 when anything does.
 * `node scripts/house.ts [check ...]`: those whose name contains one of the words; all when left out.
 */
const wanted = process.argv.slice(2);
const files = repositoryFiles();
let broken = 0;
for (const [name, check] of Object.entries(CHECKS)) {
  if (wanted.length > 0 && !wanted.some((word) => name.includes(word))) continue;
  const violations = check(files);
  broken += violations.length;
  console.log(violations.length === 0 ? `ok: ${name}` : `\n${name}: ${violations.length}\n${violations.join("\n")}\n`);
}
process.exit(broken === 0 ? 0 : 1);

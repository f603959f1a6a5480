import { MIRROR_EXCEPTIONS, type MirrorExceptions } from "./mirror-exceptions.ts";
import type { Files, Violation } from "./parse.ts";

const UNIT = "test/unit/";
const TEST = /^test\/unit\/(?:workers|contract|client|domain|durable-objects)\/.*\.test\.ts$/;

/**
 * Unit tests without the source file that their name and folder mirror: `test/unit/domain/gate.test.ts` is that of
 * `domain/gate.ts`, and `test/unit/client/log.test.ts` that of `client/src/log.ts`. An exception that nothing needs any
 * more is a violation too.
 */
export function mirror(files: Files, exceptions: readonly MirrorExceptions[] = MIRROR_EXCEPTIONS): Violation[] {
  const alone = [...files.keys()].filter((file) => TEST.test(file) && !files.has(sourceOf(file)));
  const excepted = exceptions.flatMap(({ tests }) => tests.map((test) => UNIT + test));
  return [
    ...alone
      .filter((test) => !excepted.includes(test))
      .map((test) => `${test}: there is no ${sourceOf(test)}, whose test its name says it is`),
    ...excepted
      .filter((test) => !alone.includes(test))
      .map(
        (test) =>
          `${test}: ${files.has(test) ? "has its source file" : "does not exist"} and needs no exception any more`,
      ),
  ];
}

/** The file whose unit test a test is by its name and folder. The client's sources lie in a folder of their own. */
function sourceOf(test: string): string {
  return test
    .slice(UNIT.length)
    .replace(/^client\//, "client/src/")
    .replace(/\.test\.ts$/, ".ts");
}

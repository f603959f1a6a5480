import { BaseSequencer, type TestSpecification } from "vitest/node";

/** What takes longest and is no large file. Where vitest knows of no earlier run it goes by size, and would begin these last. */
const LONGEST = ["e2e/docs", "e2e/kill", "workers/p7-reads"].map((name) => `test/${name}.test.ts`);

/** The order of vitest, but that in each project the longest come first: what begins last has the others ended already. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const projects = new Set(sorted.map(({ project }) => project.name));
    return [...projects].flatMap((name) =>
      sorted.filter(({ project }) => project.name === name).sort((a, b) => placeOf(a) - placeOf(b)),
    );
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = LONGEST.findIndex((name) => moduleId.endsWith(name));
  return place < 0 ? LONGEST.length : place;
}

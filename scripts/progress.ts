import type { Reporter, TestModule, TestSpecification, Vitest } from "vitest/node";

/** Between two lines: seldom enough for a log, often enough that nobody wonders whether anything happens. */
const EVERY_MS = 15_000;
/** As many of the files that run are named. */
const MAX_NAMED = 3;

/**
 * A vitest reporter that says now and then how far a run is, on a terminal and in a log alike:
 * `progress: 41 of 162 files, 0 failed tests, 2:05; running simulation/histories-even (1:10), …`
 */
export default class Progress implements Reporter {
  #log: (line: string) => void = () => undefined;
  #started = 0;
  #files = 0;
  #done = 0;
  #failed = 0;
  readonly #running = new Map<string, number>();
  #timer: NodeJS.Timeout | undefined;

  onInit(vitest: Vitest): void {
    this.#log = (line) => vitest.logger.log(line);
  }

  onTestRunStart(files: ReadonlyArray<TestSpecification>): void {
    this.#started = performance.now();
    this.#files = files.length;
    this.#timer = setInterval(() => this.#say(), EVERY_MS);
  }

  onTestModuleStart({ moduleId }: TestModule): void {
    this.#running.set(moduleId, performance.now());
  }

  onTestModuleEnd(file: TestModule): void {
    this.#running.delete(file.moduleId);
    this.#done += 1;
    for (const _ of file.children.allTests("failed")) this.#failed += 1;
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
    this.#say();
  }

  #say(): void {
    const now = performance.now();
    const running = [...this.#running].map(([file, since]) => `${nameOf(file)} (${clock(now - since)})`);
    const more = running.length > MAX_NAMED ? ", …" : "";
    const names = running.length === 0 ? "" : `; running ${running.slice(0, MAX_NAMED).join(", ")}${more}`;
    const counts = `${this.#done} of ${this.#files} files, ${this.#failed} failed tests`;
    this.#log(`progress: ${counts}, ${clock(now - this.#started)}${names}`);
  }
}

/** The file without the folder of all tests and without what every test file's name ends with. */
function nameOf(file: string): string {
  return file.replace(/^.*\/test\//, "").replace(/\.test\.ts$/, "");
}

/** Minutes and seconds: `2:05`. */
function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

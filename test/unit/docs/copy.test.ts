import { expect, test } from "vitest";
import { withLine } from "../../docs/copy.ts";

test("a line of a page takes the place of the one that begins alike", () => {
  const text = "/** A = b. */\nconst A: string = 1;\nconst B = 2;\n";
  expect(withLine(text, "const B = 3;")).toBe("/** A = b. */\nconst A: string = 1;\nconst B = 3;\n");
  expect(withLine(text, "const A: string = 2;")).toBe("/** A = b. */\nconst A: string = 2;\nconst B = 2;\n");
  expect(() => withLine(text, "const C = 3;")).toThrow("no line begins with const C =");
});

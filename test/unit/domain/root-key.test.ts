import { expect, test } from "vitest";
import { rootKeyFault } from "../../../domain/root-key.ts";

const FIT = "dure_root_0123456789abcdefghijABCDEFGHIJ_-";

test.each([FIT, `dure_root_${"0123456789abcdef".repeat(4)}`, `dure_root_${"0123456789".repeat(50)}01`])(
  "%s is fit",
  (key) => {
    expect(rootKeyFault("DURE_ROOT_KEY", key)).toBeNull();
  },
);

test.each<[string, string | undefined]>([
  ["is missing", undefined],
  ["is empty", ""],
  ["is one letter", "a"],
  ["is short by one", FIT.slice(0, "dure_root_".length + 31)],
  ["lacks the beginning", FIT.slice("dure_root_".length)],
  ["begins otherwise", FIT.replace("root", "boot")],
  ["has a character that does not belong", `${FIT}+`],
  ["ends a line", `${FIT}\n`],
  ["is longer by one than a header may be", `dure_root_${"0123456789".repeat(50)}012`],
  ["repeats one character", `dure_root_${"a".repeat(40)}`],
  ["has nine different characters", `dure_root_${"012345678".repeat(5)}`],
])("one that %s is refused with a sentence that tells how to make one, and nothing of the key", (_, key) => {
  const fault = rootKeyFault("DURE_ROOT_KEY_PREVIOUS", key) ?? "";
  expect(fault).toMatch(
    /^DURE_ROOT_KEY_PREVIOUS is not .+\. Make one with: echo "dure_root_\$\(openssl rand -hex 32\)"$/,
  );
  if (key !== undefined && key.length > 10) expect(fault).not.toContain(key.replace("dure_root_", "").slice(0, 12));
});

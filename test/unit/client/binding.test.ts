import { describe, expect, expectTypeOf, it } from "vitest";
import { type BindingProps, bindingError, type DureBinding } from "../../../client/src/binding.ts";
import { DureError } from "../../../client/src/index.ts";
import type { DureProps, DureBinding as Entrypoint } from "../../../contract/binding.ts";

/** An error as RPC brings it over: its own properties, no class. */
function broughtOver(problem: Record<string, unknown>): Error {
  return Object.assign(new Error(String(problem.detail)), { name: "DureError", remote: true }, problem);
}

describe("what a call of the binding threw", () => {
  it("is a DureError with the problem's members", () => {
    const errors = [{ pointer: "/payload", detail: "is not a JSON value" }];
    const thrown = broughtOver({
      type: "/problems/backlog-full",
      title: "Too many jobs",
      status: 429,
      detail: "Come again.",
      code: "backlog-full",
      errors,
      retryAfter: 3,
    });
    const error = bindingError(thrown);
    expect(error).toBeInstanceOf(DureError);
    expect(error).toMatchObject({
      code: "backlog-full",
      status: 429,
      message: expect.stringMatching(/^Come again\. \/payload: /),
      retryAfterMs: 3000,
    });
    expect(error.problem.errors).toEqual(errors);
    expect(error.isUncertain).toBe(false);
    expect(error.cause).toBe(thrown);
  });

  it("has no pause where the problem asks for none", () => {
    const error = bindingError(broughtOver({ status: 404, code: "job-not-found", detail: "No." }));
    expect(error.retryAfterMs).toBeNull();
    expect("errors" in error.problem).toBe(false);
  });

  it.each([[new TypeError("Network connection lost.")], ["text"], [null], [undefined], [{ code: "x" }]])(
    "is a lost answer when it is no problem: %s",
    (thrown) => {
      const error = bindingError(thrown);
      expect(error).toMatchObject({ code: "network", status: 0, isUncertain: true });
      expect(error.cause).toBe(thrown);
    },
  );

  it("stays what it is when it is a DureError already", () => {
    const error = bindingError(broughtOver({ status: 404, code: "job-not-found", detail: "No." }));
    expect(bindingError(error)).toBe(error);
  });
});

it("the type of the binding is that of the entrypoint", () => {
  expectTypeOf<keyof DureBinding>().toEqualTypeOf<keyof Entrypoint>();
  expectTypeOf<Entrypoint>().toExtend<DureBinding>();
  type Options<Binding extends { [Name in "submit" | "submitBatch"]: (...args: never[]) => unknown }> = {
    [Name in "submit" | "submitBatch"]: keyof NonNullable<Parameters<Binding[Name]>[1]>;
  };
  expectTypeOf<Options<DureBinding>>().toEqualTypeOf<Options<Entrypoint>>();
  expectTypeOf<BindingProps>().toEqualTypeOf<DureProps>();
});

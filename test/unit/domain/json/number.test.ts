import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { canonicalNumber } from "../../../../domain/json/number.ts";

describe("a number has one writing", () => {
  test.each<[string, string[]]>([
    ["1", ["1", "1.0", "10e-1", "0.1e1", "1E0", "1e+0", "100e-2"]],
    ["0", ["0", "-0", "0.0", "0e5", "-0.00e-7"]],
    ["-1.5", ["-1.5", "-1.50", "-15e-1"]],
    ["1e+21", ["1e21", "1E+21", "1000000000000000000000"]],
    ["388910826520445003e1", ["3889108265204450030", "3889108265204450030.0", "388910826520445003e1"]],
    ["1e400", ["1e400", "10e399", "0.1e401"]],
    ["1e-400", ["1e-400", "10e-401"]],
    ["1e99999999999999999999", ["1e99999999999999999999", "10e99999999999999999998", "0.1e100000000000000000000"]],
    ["1e-99999999999999999999", ["1e-99999999999999999999", "0.1e-99999999999999999998"]],
  ])("%s", (canonical, writings) => {
    expect(writings.map(canonicalNumber)).toEqual(writings.map(() => canonical));
  });

  test("two numbers that round to one double stay two", () => {
    expect(canonicalNumber("3889108265204450030")).not.toBe(canonicalNumber("3889108265204450031"));
    expect(canonicalNumber("0.1")).not.toBe(canonicalNumber("0.1000000000000000055511151231257827"));
    expect(canonicalNumber("1e400")).not.toBe(canonicalNumber("1e401"));
    expect(canonicalNumber("1e-400")).not.toBe(canonicalNumber("0"));
  });

  test("what a double holds as it is written is as JSON.stringify writes it", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
        expect(canonicalNumber(JSON.stringify(number))).toBe(JSON.stringify(number === 0 ? 0 : number));
      }),
    );
  });

  test("it depends on the value alone, compared exactly", () => {
    const decimal = fc.record({
      digits: fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      exponent: fc.integer({ min: -40, max: 40 }),
    });
    const written = ({ digits, exponent }: { digits: bigint; exponent: number }) => `${digits}e${exponent}`;
    const scaled = ({ digits, exponent }: { digits: bigint; exponent: number }) =>
      digits * 10n ** BigInt(exponent + 40);
    fc.assert(
      fc.property(decimal, decimal, fc.nat(5), (a, b, zeros) => {
        const longer = `${a.digits}${"0".repeat(zeros)}e${a.exponent - zeros}`;
        expect(canonicalNumber(longer)).toBe(canonicalNumber(written(a)));
        expect(canonicalNumber(written(a)) === canonicalNumber(written(b))).toBe(scaled(a) === scaled(b));
      }),
    );
  });
});

// Ranges of addresses: every way to write one, every way to write one wrong, and what is inside.

import { describe, expect, test } from "bun:test";

import { networkOf, parseAddress, parseCidr, printRange, rangeHas } from "../../src/base/cidr.ts";
import { type Random, withSeeds } from "../support/random.ts";

function rangeOf(text: string): Extract<ReturnType<typeof parseCidr>, { range: object }>["range"] {
  const cidr = parseCidr(text);
  if ("range" in cidr) return cidr.range;
  throw new Error(`${text} ${cidr.problem}`);
}

function sayingOf(text: string): string {
  const cidr = parseCidr(text);
  return "range" in cidr ? "" : `${cidr.problem}; ${cidr.hint}`;
}

describe("a range is understood and printed", () => {
  test.each([
    ["0.0.0.0/0", "0.0.0.0/0"],
    ["10.0.0.0/8", "10.0.0.0/8"],
    ["10.1.2.3", "10.1.2.3"],
    ["10.1.2.3/32", "10.1.2.3"],
    ["192.168.128.0/17", "192.168.128.0/17"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::/0", "::/0"],
    ["::1", "::1"],
    ["::1/128", "::1"],
    ["fe80::/10", "fe80::/10"],
    ["2001:DB8::/32", "2001:db8::/32"],
    ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
    ["2001:0db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["10:0:0:0:0:0:0:0/12", "10::/12"],
    ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
    ["::ffff:10.0.0.0/104", "10.0.0.0/8"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::ffff:a01:203", "10.1.2.3"],
    ["::ffff:0:0/96", "0.0.0.0/0"],
    ["::ffff:0:0:0/96", "::ffff:0:0:0/96"],
  ])("%s as %s", (text, printed) => {
    expect(printRange(rangeOf(text))).toBe(printed);
  });
});

describe("a mistake is named with what to write instead:", () => {
  test.each([
    ["", "has no address; write 10.0.0.0/8, 2001:db8::/32, or one address alone"],
    ["/8", "has no address; write 10.0.0.0/8"],
    ["node3", "is not an address; write 10.0.0.0/8"],
    ["node3/8", "is not an address"],
    [" 10.0.0.0/8", "is not an address"],
    ["10.0.0.0/8 ", "has no length behind its slash; a number from 0 to 32"],
    ["10.0.0.0/8,10.9.0.0/16", "has more than one slash"],
    ["10.0.0.0,10.9.0.0", "is not an address"],
    ["10.0.0.0/", "has no length behind its slash; a number from 0 to 32"],
    ["10.0.0.0/33", "has no length behind its slash; a number from 0 to 32"],
    ["10.0.0.0/-1", "has no length behind its slash"],
    ["10.0.0.0/08", "has no length behind its slash"],
    ["10.0.0.0/8.0", "has no length behind its slash"],
    ["10.0.0.0/1e1", "has no length behind its slash"],
    ["10.0.0.0/255.0.0.0", "has no length behind its slash; write /8"],
    ["10.0.0.0/255.255.255.255", "write /32"],
    ["10.0.0.0/255.0.255.0", "a number from 0 to 32"],
    ["fe80::/129", "has no length behind its slash; a number from 0 to 128"],
    ["fe80::/255.0.0.0", "a number from 0 to 128"],
    ["10.0.0.0/8/8", "has more than one slash"],
    ["10", "is not an address; an IPv4 address is four numbers"],
    ["10.1/16", "is not an address; an IPv4 address is four numbers"],
    ["10.1.2.256", "is not an address"],
    ["10.1.2.3.4", "is not an address"],
    ["010.1.2.3", "is not an address"],
    ["0x0a.1.2.3", "is not an address"],
    ["10.1.2.3:9000", "has brackets or a port; write 10.1.2.3"],
    ["[::1]", "has brackets or a port; write ::1"],
    ["[::1]:9000", "has brackets or a port; write ::1"],
    ["::1::", "is not an address"],
    [":::", "is not an address"],
    [":1", "is not an address"],
    ["1:2:3:4:5:6:7", "is not an address"],
    ["1:2:3:4:5:6:7:8:9", "is not an address"],
    ["1:2:3:4::5:6:7:8", "is not an address"],
    ["12345::", "is not an address"],
    ["g::", "is not an address"],
    ["::1.2.3", "is not an address"],
    ["::1.2.3.4:5", "is not an address"],
    ["fe80::1%eth0", "names an interface; write the address without the zone"],
    ["fe80::%eth0/10", "names an interface"],
    ["10.1.2.3/8", "has bits set behind the first 8; write 10.0.0.0/8, or 10.1.2.3 for this"],
    ["10.0.0.1/0", "has bits set behind the first 0; write 0.0.0.0/0"],
    ["10.0.0.1/31", "has bits set behind the first 31; write 10.0.0.0/31"],
    ["2001:db8::1/64", "behind the first 64; write 2001:db8::/64, or 2001:db8::1 for this"],
    ["::1/127", "behind the first 127; write ::/127"],
    ["::ffff:10.1.2.3/104", "behind the first 104; write ::ffff:10.0.0.0/104"],
    ["::ffff:0:0/90", "behind the first 90; write ::ffc0:0:0/90"],
  ])("%j", (text, saying) => {
    expect(sayingOf(text)).toContain(saying);
  });
});

describe("inside a range is what begins as it does", () => {
  test.each([
    ["10.0.0.0/8", "10.0.0.0", true],
    ["10.0.0.0/8", "10.255.255.255", true],
    ["10.0.0.0/8", "11.0.0.0", false],
    ["10.0.0.0/8", "9.255.255.255", false],
    ["10.0.0.0/31", "10.0.0.1", true],
    ["10.0.0.0/31", "10.0.0.2", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.4", false],
    ["0.0.0.0/0", "255.1.2.3", true],
    ["0.0.0.0/0", "::1", false],
    ["0.0.0.0/0", "::ffff:10.1.2.3", true],
    ["10.0.0.0/8", "::ffff:10.1.2.3", true],
    ["10.0.0.0/8", "::FFFF:0a01:0203", true],
    ["10.0.0.0/8", "::ffff:11.1.2.3", false],
    ["10.0.0.0/8", "::10.1.2.3", false],
    ["::ffff:10.0.0.0/104", "10.1.2.3", true],
    ["::/0", "fe80::1", true],
    ["::/0", "10.1.2.3", false],
    ["::/0", "::ffff:10.1.2.3", false],
    ["fe80::/10", "fe80::1%eth0", true],
    ["fe80::/10", "febf::1%a b/c", true],
    ["fe80::/10", "fec0::1%eth0", false],
    ["fe80::1", "fe80::1%3", true],
    ["10.0.0.0/8", "10.1.2.3%eth0", false],
    ["2001:db8::/33", "2001:db8:7fff::1", true],
    ["2001:db8::/33", "2001:db8:8000::1", false],
    ["0.0.0.0/0", "", false],
    ["::/0", "node3", false],
    ["::/0", "[::1]", false],
    ["0.0.0.0/0", "10.1.2.3/32", false],
  ])("%s and %s: %p", (range, address, isInside) => {
    expect(rangeHas(rangeOf(range), address)).toBe(isInside);
  });
});

test("an address is a number, whichever way it is written", () => {
  expect(parseAddress("1.2.3.4")).toEqual({ family: 4, value: 0x01020304n });
  expect(parseAddress("::ffff:1.2.3.4")).toEqual({ family: 4, value: 0x01020304n });
  expect(parseAddress("::1%lo")).toEqual({ family: 6, value: 1n });
  expect(parseAddress("1::")).toEqual({ family: 6, value: 1n << 112n });
  expect(parseAddress("nowhere")).toBeNull();
});

/** Reads bit for bit, where the subject shifts. */
function hasPrefix(one: bigint, other: bigint, { width, bits }: { width: number; bits: number }) {
  const text = (value: bigint): string => value.toString(2).padStart(width, "0").slice(0, bits);
  return text(one) === text(other);
}

function someNumber(random: Random, width: number): bigint {
  const bytes = random.bytes(width / 8);
  // Zeros in many places, or "::" would hardly ever be seen.
  const sparse = bytes.map((byte) => (random.chance(0.5) ? 0 : byte));
  return BigInt(`0x${Buffer.from(sparse).toString("hex")}`);
}

test("what is printed is read back, and the bits that count decide", async () => {
  await withSeeds({ count: 1_000 }, (random) => {
    const family = random.pick([4, 6] as const);
    const width = family === 4 ? 32 : 128;
    const bits = random.integer(0, width);
    const value = someNumber(random, width);
    const range = { family, network: networkOf({ family, value }, bits), bits };
    const text = printRange(range);
    expect(rangeOf(text)).toEqual(range);
    const near = value ^ (1n << BigInt(random.below(width)));
    const address = printRange({ family, network: near, bits: width });
    expect(rangeHas(range, address)).toBe(hasPrefix(near, value, { width, bits }));
    expect(rangeHas(range, printRange({ family, network: value, bits: width }))).toBe(true);
  });
});

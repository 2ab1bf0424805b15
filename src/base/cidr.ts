// Addresses of machines as numbers, and ranges of them as people write them: 10.0.0.0/8, fe80::/10, or one address alone.
// Knows no names and no ports. An IPv4 address is the same in its own words and in those of IPv6 (::ffff:10.1.2.3), which is
// how a listener for both shows it.

/** `value` has 32 or 128 bits. */
export interface Address {
  family: 4 | 6;
  value: bigint;
}

export interface AddressRange {
  family: 4 | 6;
  network: bigint;
  /** How many bits of the network count. */
  bits: number;
}

/** `problem` is a phrase that goes after the quoted text, `hint` says what to write instead. */
export type Cidr = { range: AddressRange } | { problem: string; hint: string };

type Problem = Extract<Cidr, { problem: string }>;

const example = "write 10.0.0.0/8, 2001:db8::/32, or one address alone";
const mappedPrefix = 0xffffn;
const mappedBits = 96;

/** A range with bits behind its length is refused: half of those who write one mean the host, the others the network. */
export function parseCidr(text: string): Cidr {
  const [word = "", length, ...more] = text.split("/");
  if (more.length > 0) return { problem: "has more than one slash", hint: example };
  if (word.includes("%")) {
    return { problem: "names an interface", hint: "write the address without the zone" };
  }
  const plain = numberOf(word);
  if (!plain) return notAnAddress(word);
  const bits = bitsOf(length, plain);
  if (typeof bits !== "number") return bits;
  const network = networkOf(plain, bits);
  if (network !== plain.value) return hostBits(word, { family: plain.family, network, bits });
  return { range: unmappedRange({ family: plain.family, network, bits }) };
}

/** Of an address as the system shows it: with or without a zone. An address that is none is in no range. */
export function rangeHas(range: AddressRange, address: string): boolean {
  const parsed = parseAddress(address);
  if (parsed?.family !== range.family) return false;
  return networkOf(parsed, range.bits) === range.network;
}

/** Null for what is no address. A zone (%eth0) is dropped, and an IPv4 address in the words of IPv6 is one of IPv4. */
export function parseAddress(text: string): Address | null {
  const zone = text.indexOf("%");
  const plain = numberOf(zone < 0 ? text : text.slice(0, zone));
  if (!plain || (zone >= 0 && plain.family === 4)) return null;
  return isMapped(plain.value, plain.family) ? { family: 4, value: low32(plain.value) } : plain;
}

/** The network that an address is in when this many of its bits count. */
export function networkOf({ family, value }: Address, bits: number): bigint {
  const rest = BigInt(widthOf(family) - bits);
  return (value >> rest) << rest;
}

/** The shortest usual way to write it; a whole address has no length. */
export function printRange({ family, network, bits }: AddressRange): string {
  const text = family === 4 ? printIpv4(network) : printIpv6(network);
  return bits === widthOf(family) ? text : `${text}/${bits}`;
}

const widthOf = (family: 4 | 6): number => (family === 4 ? 32 : 128);
const low32 = (value: bigint): bigint => BigInt.asUintN(32, value);
const isMapped = (value: bigint, family: 4 | 6): boolean =>
  family === 6 && value >> 32n === mappedPrefix;

/** Only when all of it is IPv4; ::/0 stays what it says, every address of IPv6. */
function unmappedRange(range: AddressRange): AddressRange {
  const { family, network, bits } = range;
  if (!isMapped(network, family) || bits < mappedBits) return range;
  return { family: 4, network: low32(network), bits: bits - mappedBits };
}

/** As it is written, without a zone. */
function numberOf(word: string): Address | null {
  const value = word.includes(":") ? ipv6Number(word) : ipv4Number(word);
  return value === null ? null : { family: word.includes(":") ? 6 : 4, value };
}

/** Four numbers, without leading zeros: some read 010 as eight. */
function ipv4Number(word: string): bigint | null {
  const numbers = word.split(".");
  const isAddress =
    numbers.length === 4 &&
    numbers.every((number) => /^(0|[1-9][0-9]{0,2})$/.test(number) && Number(number) <= 255);
  return isAddress ? numbers.reduce((sum, number) => (sum << 8n) | BigInt(number), 0n) : null;
}

/** Eight groups, one or more of which "::" may stand for; the last two may be written as an IPv4 address. */
function ipv6Number(word: string): bigint | null {
  const halves = word.split("::");
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  const tail = last?.at(-1);
  if (last && tail?.includes(".")) {
    const four = ipv4Number(tail);
    if (four === null) return null;
    last.splice(-1, 1, (four >> 16n).toString(16), (four & 0xffffn).toString(16));
  }
  const [head = [], end = []] = groups;
  const missing = 8 - head.length - end.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  const all = [...head, ...Array.from({ length: missing }, () => "0"), ...end];
  if (!all.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return null;
  return all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

function bitsOf(length: string | undefined, { family }: Address): number | Problem {
  const width = widthOf(family);
  if (length === undefined) return width;
  if (/^(0|[1-9][0-9]{0,2})$/.test(length) && Number(length) <= width) return Number(length);
  const mask = family === 4 ? ipv4Number(length) : null;
  const bits = mask === null ? null : maskBits(mask);
  const hint = bits === null ? `a number from 0 to ${width} stands there` : `write /${bits}`;
  return { problem: "has no length behind its slash", hint };
}

/** Of a netmask; null when its ones are not all in front. */
function maskBits(mask: bigint): number | null {
  const text = mask.toString(2).padStart(32, "0");
  return /^1*0*$/.test(text) ? text.replaceAll("0", "").length : null;
}

function hostBits(word: string, range: AddressRange): Problem {
  const problem = `has bits set behind the first ${range.bits}`;
  return { problem, hint: `write ${printRange(range)}, or ${word} for this machine alone` };
}

function notAnAddress(word: string): Problem {
  const inner = /^\[(.*)\](:.*)?$/.exec(word)?.[1] ?? /^([^:]*):[0-9]+$/.exec(word)?.[1];
  if (inner !== undefined && numberOf(inner)) {
    return { problem: "has brackets or a port", hint: `write ${inner}` };
  }
  const isShort = /^[0-9]+(\.[0-9]+){0,2}$/.test(word);
  const hint = isShort ? "an IPv4 address is four numbers from 0 to 255" : example;
  return { problem: word === "" ? "has no address" : "is not an address", hint };
}

function printIpv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join(".");
}

/** The longest run of zeros, of two or more, becomes "::"; the first of several as long (RFC 5952). */
function printIpv6(value: bigint): string {
  if (isMapped(value, 6)) return `::ffff:${printIpv4(low32(value))}`;
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((value >> BigInt(112 - 16 * index)) & 0xffffn).toString(16),
  );
  const text = groups.join(":");
  const runs = [...text.matchAll(/\b0(?::0)+\b/g)];
  const longest = runs.reduce<RegExpExecArray | null>(
    (best, run) => (best && best[0].length >= run[0].length ? best : run),
    null,
  );
  if (!longest) return text;
  const before = text.slice(0, longest.index).replace(/:$/, "");
  const after = text.slice(longest.index + longest[0].length).replace(/^:/, "");
  return `${before}::${after}`;
}

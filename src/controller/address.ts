// NODES of the command line as addresses. Pure: nothing is looked up here. Whatever is not clearly one of the forms is
// refused with a hint, because a wrong guess would run a command on the wrong machine.

import { CtlError } from "../base/errors.ts";
import { quote } from "../base/escape.ts";

export const defaultPort = 9000;

/** sun_path has 108 bytes, one of them for the NUL. */
const socketPathBytesMax = 107;
const hostBytesMax = 253;
const labelBytesMax = 63;

/** `name` is what the user typed, and what output and messages call the node. */
export type NodeAddress =
  | { kind: "local"; name: string }
  /** IPv6 without brackets. */
  | { kind: "tcp"; name: string; host: string; port: number }
  | { kind: "unix"; name: string; path: string };

/** `local`, `host`, `host:port`, `[v6]`, `[v6]:port`, `unix:/path`; several with commas. @throws CtlError */
export function parseNodes(text: string): NodeAddress[] {
  if (text === "") {
    throw new CtlError("bad-address", "No node is named", { hint: "for example: node3, or local" });
  }
  const nodes = text.split(",").map((word) => {
    if (word !== "") return parseNode(word);
    throw new CtlError("bad-address", `A node name is missing in ${quote(text)}`, {
      hint: "names are separated by single commas",
    });
  });
  refuseDuplicates(nodes);
  return nodes;
}

function refuseDuplicates(nodes: readonly NodeAddress[]): void {
  const seen = new Set<string>();
  for (const { name } of nodes) {
    if (seen.has(name)) throw new CtlError("bad-address", `Node ${quote(name)} is named twice`);
    seen.add(name);
  }
}

function parseNode(name: string): NodeAddress {
  if (name === "local") return { kind: "local", name };
  if (/\p{Cc}/u.test(name)) throw refusal(name, "there is a control character in it");
  if (name.startsWith("unix:")) return parseSocketPath(name);
  if (/\s/.test(name)) throw refusal(name, "there is a blank in it");
  if (name.startsWith("[")) return parseBracketed(name);
  const colons = name.split(":").length - 1;
  if (colons > 1) throw tooManyColons(name);
  const [host = "", port] = name.split(":");
  if (host === "local") throw refusal(name, '"local" has no port', "write localhost:PORT for TCP");
  refuseBadHost(name, host);
  return { kind: "tcp", name, host, port: port === undefined ? defaultPort : portOf(name, port) };
}

function parseSocketPath(name: string): NodeAddress {
  const path = name.slice("unix:".length);
  if (!path.startsWith("/")) throw refusal(name, "a socket's path starts with a slash");
  const length = new TextEncoder().encode(path).length;
  if (length > socketPathBytesMax) {
    throw refusal(name, `the path has ${length} bytes, a socket's may have ${socketPathBytesMax}`);
  }
  return { kind: "unix", name, path };
}

function parseBracketed(name: string): NodeAddress {
  const parts = /^\[(?<host>[^[\]]*)\](?::(?<port>.*))?$/.exec(name)?.groups;
  const host = parts?.["host"];
  if (host === undefined || !isIpv6(host)) {
    throw refusal(name, "brackets are for IPv6 addresses", "for example: [::1] or [::1]:9000");
  }
  const port = parts?.["port"];
  return { kind: "tcp", name, host, port: port === undefined ? defaultPort : portOf(name, port) };
}

function tooManyColons(name: string): CtlError {
  const example = isIpv6(name) ? name : "::1";
  return refusal(
    name,
    "it has more than one colon",
    `an IPv6 address stands in brackets: [${example}] or [${example}]:${defaultPort}`,
  );
}

function portOf(name: string, text: string): number {
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw refusal(name, "a port is a number from 1 to 65535");
}

function refuseBadHost(name: string, host: string): void {
  if (host === "") throw refusal(name, "there is no host in front of the colon");
  if (/[[\]]/.test(host)) {
    const hint = "ranges are not understood; write the names out: node1,node2,node3";
    throw refusal(name, "a host name has no brackets", hint);
  }
  if (host.includes("@")) {
    throw refusal(name, "there is no user in it", "commands run as the user that runs the daemon");
  }
  if (host.includes("/")) {
    throw refusal(name, "a host name has no slash", "a socket is written unix:/path");
  }
  if (!/^[A-Za-z0-9._-]+$/.test(host)) {
    throw refusal(name, "a host name has letters, digits, dots, hyphens and underscores only");
  }
  if (host.startsWith("-")) throw refusal(name, "a host name does not start with a hyphen");
  const labels = host.replace(/\.$/, "").split(".");
  const isTooLong =
    host.length > hostBytesMax || labels.some(({ length }) => length > labelBytesMax);
  if (isTooLong) throw refusal(name, "a host name has at most 253 characters, 63 between dots");
  if (labels.includes("")) throw refusal(name, "there is nothing between two dots");
  refuseHalfAddress(name, host, labels);
}

/** The resolver takes "3" for 0.0.0.3 and "10.1" for 10.0.0.1; nobody means that. */
function refuseHalfAddress(name: string, host: string, labels: readonly string[]): void {
  const isNumber = /^([0-9]+|0[xX][0-9A-Fa-f]*)$/.test(labels.at(-1) ?? "");
  if (!isNumber || isIpv4(host)) return;
  throw refusal(
    name,
    "an IPv4 address is four numbers from 0 to 255, and no name ends in a number",
  );
}

function isIpv4(text: string): boolean {
  const numbers = text.split(".");
  return (
    numbers.length === 4 &&
    numbers.every((number) => /^(0|[1-9][0-9]{0,2})$/.test(number) && Number(number) <= 255)
  );
}

/** Eight groups, some of which "::" may stand for; the last two may be written as an IPv4 address; a zone may follow. */
function isIpv6(text: string): boolean {
  const [address = ""] = text.split("%", 1);
  if (address !== text && !/^%[A-Za-z0-9._-]+$/.test(text.slice(address.length))) return false;
  const halves = address.split("::");
  if (halves.length > 2) return false;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const last = groups.at(-1);
  const tail = last?.at(-1);
  if (last && tail?.includes(".")) {
    if (!isIpv4(tail)) return false;
    last.splice(-1, 1, "0", "0");
  }
  const all = groups.flat();
  if (!all.every((group) => /^[0-9A-Fa-f]{1,4}$/.test(group))) return false;
  return halves.length === 2 ? all.length < 8 : all.length === 8;
}

function refusal(name: string, reason: string, hint?: string): CtlError {
  const options = hint === undefined ? {} : { hint };
  return new CtlError("bad-address", `${quote(name)} is not a node name: ${reason}`, options);
}

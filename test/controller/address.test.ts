// Every form of NODES, and every way to get it wrong.

import { describe, expect, test } from "bun:test";

import { CtlError } from "../../src/base/errors.ts";
import { type NodeAddress, parseNodes } from "../../src/controller/address.ts";

function tcp(name: string, host: string, port = 9000): NodeAddress {
  return { kind: "tcp", name, host, port };
}

function refusalOf(text: string): CtlError {
  try {
    parseNodes(text);
  } catch (error) {
    if (error instanceof CtlError) return error;
    throw error;
  }
  throw new Error(`"${text}" was accepted`);
}

describe("parseNodes", () => {
  test.each<[string, NodeAddress]>([
    ["local", { kind: "local", name: "local" }],
    ["localhost", tcp("localhost", "localhost")],
    ["LOCAL", tcp("LOCAL", "LOCAL")],
    ["node3", tcp("node3", "node3")],
    ["node3:1", tcp("node3:1", "node3", 1)],
    ["node3:65535", tcp("node3:65535", "node3", 65_535)],
    ["Node-3.lab_1.example.org.", tcp("Node-3.lab_1.example.org.", "Node-3.lab_1.example.org.")],
    ["3com.example", tcp("3com.example", "3com.example")],
    ["127.0.0.1", tcp("127.0.0.1", "127.0.0.1")],
    ["10.0.255.1:9001", tcp("10.0.255.1:9001", "10.0.255.1", 9001)],
    ["[::1]", tcp("[::1]", "::1")],
    ["[::]:80", tcp("[::]:80", "::", 80)],
    [
      "[2001:DB8::8:800:200c:417a]:9",
      tcp("[2001:DB8::8:800:200c:417a]:9", "2001:DB8::8:800:200c:417a", 9),
    ],
    ["[1:2:3:4:5:6:7:8]", tcp("[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8")],
    ["[1::]", tcp("[1::]", "1::")],
    ["[::ffff:10.0.0.1]", tcp("[::ffff:10.0.0.1]", "::ffff:10.0.0.1")],
    ["[fe80::1%eth0]:9000", tcp("[fe80::1%eth0]:9000", "fe80::1%eth0")],
    [
      "unix:/run/ctl/daemon.sock",
      { kind: "unix", name: "unix:/run/ctl/daemon.sock", path: "/run/ctl/daemon.sock" },
    ],
    ["unix:/with blank:1", { kind: "unix", name: "unix:/with blank:1", path: "/with blank:1" }],
  ])("understands %j", (text, address) => {
    expect(parseNodes(text)).toEqual([address]);
  });

  test("keeps the order of a list, and the names as they were typed", () => {
    expect(parseNodes("b:9000,local,[::1],unix:/s,a")).toEqual([
      tcp("b:9000", "b"),
      { kind: "local", name: "local" },
      tcp("[::1]", "::1"),
      { kind: "unix", name: "unix:/s", path: "/s" },
      tcp("a", "a"),
    ]);
  });

  test("takes one machine under two names", () => {
    expect(parseNodes("a,a:9000,A").length).toBe(3);
  });

  test("takes a path and a host name of the greatest length, and none longer", () => {
    const path = `unix:/${"p".repeat(106)}`;
    expect(parseNodes(path).length).toBe(1);
    expect(refusalOf(`${path}p`).message).toContain("108 bytes");
    expect(refusalOf(`unix:/${"ä".repeat(54)}`).message).toContain("109 bytes");
    const host = Array.from({ length: 4 }, () => "h".repeat(62)).join(".");
    expect(parseNodes(host).length).toBe(1);
    expect(refusalOf(`${host}.hhh`).message).toContain("at most 253");
    expect(refusalOf("h".repeat(64)).message).toContain("63 between dots");
  });

  test.each([
    ["", "No node is named", "for example"],
    [",", "missing", "single commas"],
    ["a,", 'missing in "a,"', "single commas"],
    [",a", "missing", "single commas"],
    ["a,,b", "missing", "single commas"],
    ["a,b,a", '"a" is named twice', ""],
    ["local,local", '"local" is named twice', ""],
    ["a b", "blank", ""],
    [" a", "blank", ""],
    ["a, b", "blank", ""],
    ["a\tb", "control character", ""],
    ["unix:/a\nb", "control character", ""],
    ["a\u001b[31m", "control character", ""],
    ["host:", "1 to 65535", ""],
    ["host:0", "1 to 65535", ""],
    ["host:65536", "1 to 65535", ""],
    ["host:99999999999", "1 to 65535", ""],
    ["host:abc", "1 to 65535", ""],
    ["host:+1", "1 to 65535", ""],
    ["host:-1", "1 to 65535", ""],
    ["host:09000", "1 to 65535", ""],
    ["host:9e3", "1 to 65535", ""],
    ["[::1]:", "1 to 65535", ""],
    ["[::1]:0", "1 to 65535", ""],
    [":9000", "no host", ""],
    ["local:9000", "no port", "localhost:PORT"],
    ["::1", "more than one colon", "[::1]:9000"],
    ["fe80::1%eth0", "more than one colon", "[fe80::1%eth0]"],
    ["::1:9000", "more than one colon", "brackets"],
    ["a:b:c", "more than one colon", "[::1]"],
    ["[::1", "brackets are for IPv6", "[::1]"],
    ["[]", "brackets are for IPv6", ""],
    ["[node3]", "brackets are for IPv6", ""],
    ["[127.0.0.1]", "brackets are for IPv6", ""],
    ["[::1]x", "brackets are for IPv6", ""],
    ["[::1]9000", "brackets are for IPv6", ""],
    ["[1:2:3:4:5:6:7]", "brackets are for IPv6", ""],
    ["[1:2:3:4:5:6:7:8:9]", "brackets are for IPv6", ""],
    ["[1:2:3:4::5:6:7:8]", "brackets are for IPv6", ""],
    ["[1::2::3]", "brackets are for IPv6", ""],
    ["[:::]", "brackets are for IPv6", ""],
    ["[12345::]", "brackets are for IPv6", ""],
    ["[g::]", "brackets are for IPv6", ""],
    ["[::256.0.0.1]", "brackets are for IPv6", ""],
    ["[10.0.0.1::]", "brackets are for IPv6", ""],
    ["[fe80::1%]", "brackets are for IPv6", ""],
    ["[::1%a%b]", "brackets are for IPv6", ""],
    ["node[1-3]", "no brackets", "node1,node2,node3"],
    ["node[1,3]", "no brackets", "node1,node2,node3"],
    ["node[1-3]:9000", "no brackets", "node1,node2"],
    ["node]", "no brackets", ""],
    ["root@node3", "no user", "the user that runs the daemon"],
    ["node3/tmp", "no slash", "unix:/path"],
    ["/run/ctl/daemon.sock", "no slash", "unix:/path"],
    ["http://node3", "1 to 65535", ""],
    ["node*", "letters, digits", ""],
    ["nöde", "letters, digits", ""],
    ["-rf", "hyphen", ""],
    ["a..b", "nothing between two dots", ""],
    [".a", "nothing between two dots", ""],
    [".", "nothing between two dots", ""],
    ["3", "four numbers", ""],
    ["10.1", "four numbers", ""],
    ["1.2.3.4.5", "four numbers", ""],
    ["256.0.0.1", "four numbers", ""],
    ["010.0.0.1", "four numbers", ""],
    ["0x7f000001", "four numbers", ""],
    ["127.0.0.0x1", "four numbers", ""],
    ["127.0.0.1.", "four numbers", ""],
    ["unix:", "starts with a slash", ""],
    ["unix:run/ctl", "starts with a slash", ""],
  ])("refuses %j", (text, message, hint) => {
    const error = refusalOf(text);
    expect(error.code).toBe("bad-address");
    expect(error.message).toContain(message);
    expect(error.hint ?? "").toContain(hint);
    expect(error.message).not.toMatch(/\p{Cc}/u);
  });

  test("names the one of many that is wrong", () => {
    expect(refusalOf("good,bad:0,local").message).toStartWith('"bad:0" is not a node name');
  });
});

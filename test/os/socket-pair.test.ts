// Whole messages and descriptors between two ends of a real socket pair.

import { dlopen, ptr } from "bun:ffi";
import { describe, expect, test } from "bun:test";

import { closeFd, lastErrno, libc } from "../../src/os/libc.ts";
import { openPipe } from "../../src/os/pipe.ts";
import { openSocketPair, sendMessage } from "../../src/os/socket-pair.ts";

const EAGAIN = 11;
const EPIPE = 32;

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function receive(fd: number): string {
  const bytes = new Uint8Array(1_000);
  const count = Number(libc().read(fd, bytes, bytes.length));
  if (count < 0) throw new Error(`read: errno ${lastErrno()}`);
  return new TextDecoder().decode(bytes.subarray(0, count));
}

describe("a socket pair", () => {
  test("keeps messages whole and in order", () => {
    const { ours, theirs } = openSocketPair();
    for (const text of ["one", "two", "three"]) expect(sendMessage(ours, bytesOf(text))).toBe(0);
    expect([receive(theirs), receive(theirs), receive(theirs)]).toEqual(["one", "two", "three"]);
    closeFd(ours);
    expect(receive(theirs)).toBe("");
    closeFd(theirs);
  });

  test("says EPIPE when the other end is closed", () => {
    const { ours, theirs } = openSocketPair();
    closeFd(theirs);
    expect(sendMessage(ours, bytesOf("x"))).toBe(EPIPE);
    closeFd(ours);
  });

  test("says EAGAIN, and loses nothing, when the other end does not read", () => {
    const { ours, theirs } = openSocketPair();
    let sent = 0;
    while (sendMessage(ours, bytesOf("0123456789abcdef")) === 0) sent += 1;
    expect(sendMessage(ours, bytesOf("x"))).toBe(EAGAIN);
    expect(sent).toBeGreaterThan(100);
    for (let read = 0; read < sent; read++) expect(receive(theirs)).toBe("0123456789abcdef");
    closeFd(ours);
    expect(receive(theirs)).toBe("");
    closeFd(theirs);
  });

  test("passes descriptors, which live on when the sender closes its own", () => {
    const { ours, theirs } = openSocketPair();
    const pipes = Array.from({ length: 6 }, openPipe);
    const writeFds = pipes.map(({ writeFd }) => writeFd);
    expect(sendMessage(ours, bytesOf("start"), writeFds)).toBe(0);
    for (const fd of writeFds) closeFd(fd);
    const received = receiveFds(theirs, 6);
    expect(received).toHaveLength(6);
    received.forEach((fd, index) => {
      const text = bytesOf(`pipe ${index}`);
      libc().write(fd, text, text.length);
      closeFd(fd);
    });
    expect(pipes.map(({ readFd }) => receive(readFd))).toEqual(
      [0, 1, 2, 3, 4, 5].map((n) => `pipe ${n}`),
    );
    for (const { readFd } of pipes) closeFd(readFd);
    closeFd(ours);
    closeFd(theirs);
  });
});

/** recvmsg with room for `most` descriptors. */
function receiveFds(fd: number, most: number): number[] {
  const { recvmsg } = dlopen("libc.so.6", {
    recvmsg: { args: ["i32", "buffer", "i32"], returns: "i64" },
  }).symbols;
  const bytes = new Uint8Array(100);
  const control = new Uint8Array(16 + most * 4);
  const vector = new BigUint64Array([BigInt(ptr(bytes)), BigInt(bytes.length)]);
  const header = new BigUint64Array([
    0n,
    0n,
    BigInt(ptr(vector)),
    1n,
    BigInt(ptr(control)),
    BigInt(control.length),
    0n,
  ]);
  recvmsg(fd, header, 0);
  const size = Number(new DataView(control.buffer).getBigUint64(0, true));
  return [...new Int32Array(control.buffer, 16, (size - 16) / 4)];
}

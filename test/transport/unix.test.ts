// A Unix socket that only its owner and root may use, and that exactly one daemon has.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { connectUnix, listenUnix, type ListenUnixOptions } from "../../src/transport/tcp.ts";
import type { Listener, Transport } from "../../src/transport/transport.ts";
import { failureOf } from "../support/failure.ts";
import { Recorder } from "../support/recorder.ts";
import { until } from "../support/until.ts";

let directory = "";
let cleanups: (() => void)[] = [];
beforeEach(() => {
  directory = mkdtempSync("/tmp/unix-listener-test-");
});
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
  cleanups = [];
  rmSync(directory, { recursive: true });
});

async function listening(
  path: string,
  options: Partial<ListenUnixOptions> = {},
): Promise<{ listener: Listener; accepted: Transport[] }> {
  const accepted: Transport[] = [];
  const onConnection = (transport: Transport): void => void accepted.push(transport);
  const listener = await listenUnix({ path, onConnection, ...options });
  cleanups.push(
    () => listener.close(),
    () => accepted.map((transport) => transport.destroy()),
  );
  return { listener, accepted };
}

async function connecting(path: string): Promise<Transport> {
  const transport = await connectUnix({ path, timeoutMs: 5_000 });
  cleanups.push(() => transport.destroy());
  return transport;
}

function failureToListen(path: string): ReturnType<typeof failureOf> {
  return failureOf(listenUnix({ path, onConnection: () => {} }));
}

function failureToConnect(path: string): ReturnType<typeof failureOf> {
  return failureOf(connectUnix({ path, timeoutMs: 5_000 }));
}

describe("listenUnix", () => {
  test("makes the directory and the socket for their owner only, and removes the socket at the end", async () => {
    const path = join(directory, "ctl", "daemon.sock");
    const before = process.umask(0);
    const { listener, accepted } = await listening(path);
    expect(process.umask(before)).toBe(0);
    expect(statSync(join(directory, "ctl")).mode & 0o7777).toBe(0o700);
    expect(statSync(path).mode & 0o7777).toBe(0o600);
    expect(statSync(`${path}.lock`).mode & 0o7777).toBe(0o600);
    expect([listener.address, listener.port]).toEqual([`unix:${path}`, null]);
    const transport = await connecting(path);
    await until(() => accepted.length === 1);
    expect([transport.peer, transport.kind]).toEqual([`unix ${path}`, "unix"]);
    listener.close();
    listener.close();
    expect(existsSync(path)).toBeFalse();
  });

  test("refuses a second daemon on the same path, and leaves the first alone", async () => {
    const path = join(directory, "daemon.sock");
    const { accepted } = await listening(path);
    const error = await failureToListen(path);
    expect(error.message).toBe(`Cannot listen on unix:${path}: another daemon does`);
    expect([error.code, error.errno]).toEqual(["listen-failed", "EADDRINUSE"]);
    await connecting(path);
    await until(() => accepted.length === 1);
  });

  test("takes the path over from a daemon that was killed", async () => {
    const path = join(directory, "daemon.sock");
    const code = `
      import { listenUnix } from "${import.meta.dir}/../../src/transport/tcp.ts";
      await listenUnix({ path: ${JSON.stringify(path)}, onConnection() {} });
      console.log("listening");`;
    const child = Bun.spawn([process.execPath, "-e", code], { stdout: "pipe" });
    await child.stdout.getReader().read();
    expect((await failureToListen(path)).errno).toBe("EADDRINUSE");
    child.kill("SIGKILL");
    await child.exited;
    expect(existsSync(path)).toBeTrue();
    const refused = await failureOf(connectUnix({ path, timeoutMs: 5_000 }));
    expect(refused.code).toBe("connect-refused");
    expect(refused.hint).toContain("has ended");
    const { accepted } = await listening(path);
    await connecting(path);
    await until(() => accepted.length === 1);
  });

  test("can be opened again once it was closed", async () => {
    const path = join(directory, "daemon.sock");
    for (let round = 0; round < 3; round += 1) (await listening(path)).listener.close();
  });

  test("refuses a directory that others can write to", async () => {
    for (const mode of [0o770, 0o707, 0o1777]) {
      chmodSync(directory, mode);
      const error = await failureToListen(join(directory, "daemon.sock"));
      expect(error.message).toContain(`can be written by others (mode ${mode.toString(8)})`);
    }
    chmodSync(directory, 0o755);
    await listening(join(directory, "daemon.sock"));
  });

  test("refuses a directory that is a file, a link, or below one that is missing", async () => {
    writeFileSync(join(directory, "file"), "");
    mkdirSync(join(directory, "real"), { mode: 0o700 });
    symlinkSync("real", join(directory, "link"));
    const inside = (name: string): string => join(directory, name, "daemon.sock");
    expect((await failureToListen(inside("file"))).message).toContain("is not a directory");
    expect((await failureToListen(inside("link"))).message).toContain("is not a directory");
    expect((await failureToListen(inside("missing/ctl"))).errno).toBe("ENOENT");
  });

  test("refuses a directory of somebody else", async () => {
    // Whoever runs this is either not root, and / is not his, or root, and nobody's directory is not.
    const isRoot = process.getuid?.() === 0;
    const foreign = isRoot ? join(directory, "foreign") : "/";
    if (isRoot) {
      mkdirSync(foreign, { mode: 0o700 });
      await Bun.$`chown 65534 ${foreign}`;
    }
    const { message } = await failureToListen(join(foreign, "daemon.sock"));
    expect(message).toContain(`belongs to user id ${isRoot ? 65534 : 0}`);
  });

  test("refuses a path that a socket cannot have", async () => {
    const error = await failureToListen(join(directory, "s".repeat(100)));
    expect(error.message).toContain("a socket's may have 107");
  });

  test("never removes anything but a socket", async () => {
    const path = join(directory, "thesis.tex");
    writeFileSync(path, "two years of work");
    const { message } = await failureToListen(path);
    expect(message).toContain("something that is not a socket has that name");
    expect(readFileSync(path, "utf8")).toBe("two years of work");
    rmSync(path);
    await listening(path);
  });

  test("closes connections of other users at once, root's excepted", async () => {
    const path = join(directory, "daemon.sock");
    const own = process.getuid?.() ?? 0;
    for (const [uid, isAllowed] of [
      [own, true],
      [0, true],
      [own + 1, false],
      [null, false],
    ] as const) {
      const { listener, accepted } = await listening(path, { peerUid: () => uid });
      const recorder = Recorder.on(await connecting(path));
      if (isAllowed) await until(() => accepted.length === 1);
      else await recorder.end();
      expect(accepted.length).toBe(isAllowed ? 1 : 0);
      listener.close();
    }
  });

  test("asks the kernel who connects", async () => {
    const path = join(directory, "daemon.sock");
    const { accepted } = await listening(path);
    // Only root can be somebody else for a moment; everybody else proves that he is himself.
    const isRoot = process.getuid?.() === 0;
    chmodSync(directory, 0o755);
    chmodSync(path, 0o666);
    if (isRoot) process.seteuid?.(65534);
    const transport = await connecting(path).finally(() => isRoot && process.seteuid?.(0));
    const recorder = Recorder.on(transport);
    if (isRoot) await recorder.end();
    else await until(() => accepted.length === 1);
    expect(accepted.length).toBe(isRoot ? 0 : 1);
  });

  test("closes connections above its limit", async () => {
    const path = join(directory, "daemon.sock");
    const { accepted } = await listening(path, { connectionsMax: 1 });
    await connecting(path);
    await until(() => accepted.length === 1);
    await Recorder.on(await connecting(path)).end();
    expect(accepted.length).toBe(1);
  });
});

describe("connectUnix", () => {
  test("tells what is wrong with the path", async () => {
    const missing = join(directory, "missing.sock");
    const error = await failureToConnect(missing);
    expect([error.code, error.errno]).toEqual(["connect-failed", "ENOENT"]);
    expect(error.message).toBe(`Cannot connect to unix:${missing}: there is no such socket`);
    expect(error.hint).toContain("ctl daemon");
    expect((await failureToConnect(join(directory, "s".repeat(150)))).errno).toBe("EINVAL");
  });
});

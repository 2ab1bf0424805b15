// A process that has asked not to be looked into, seen from inside and outside, and what it starts.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { isDumpable } from "../../src/os/process-hygiene.ts";

const program = join(import.meta.dir, "programs/be-undumpable.ts");
const isRoot = process.getuid?.() === 0;
/** Of nobody else here, where we may choose. */
const uid = isRoot ? 61_000 + (process.pid % 1_000) : (process.getuid?.() ?? 0);

interface View {
  isDumpable: boolean;
  owner: number;
  environ: string;
  limits: string;
  cmdline: string;
  hasDescriptors: boolean;
}
interface Facts {
  uid: number;
  before: View;
  childBefore: string;
  after: View;
  child: string;
}

interface Program extends AsyncDisposable {
  pid: number;
  facts: Facts;
}

async function startProgram(): Promise<Program> {
  const child = Bun.spawn([process.execPath, program, isRoot ? `${uid}` : "-"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    cwd: "/",
  });
  let text = "";
  for await (const chunk of child.stdout) {
    text += Buffer.from(chunk).toString();
    if (text.includes("\n")) break;
  }
  return {
    pid: child.pid,
    facts: JSON.parse(text),
    [Symbol.asyncDispose]: async () => {
      await child.stdin.end();
      expect(await child.exited).toBe(0);
    },
  };
}

/** What a program of this user that is neither root nor the one that is looked at can read. */
function readAs(path: string): { code: number | null; bytes: number } {
  const change = ["setpriv", "--reuid", `${uid}`, "--regid", `${uid}`, "--clear-groups"];
  const words = [...(isRoot ? change : []), "cat", path];
  const { exitCode, stdout } = Bun.spawnSync(words, { stderr: "ignore" });
  return { code: exitCode, bytes: stdout.length };
}

test("this test itself may be looked into: nobody has asked", () => {
  expect(isDumpable()).toBe(true);
});

test("before it asks, its own user may look into it", async () => {
  await using child = await startProgram();
  const { facts } = child;
  expect(facts.uid).toBe(uid);
  expect(facts.before).toMatchObject({ isDumpable: true, owner: uid, environ: "read" });
});

test("afterwards the kernel says so, and everything private of it belongs to root", async () => {
  await using child = await startProgram();
  expect(child.facts.after).toMatchObject({ isDumpable: false, owner: 0 });
  for (const name of ["environ", "mem", "maps", "auxv", "fd", "cwd"]) {
    expect({ name, owner: ownerOf(`/proc/${child.pid}/${name}`) }).toEqual({ name, owner: 0 });
  }
});

/** Of the entry itself: behind links such as cwd lies something of somebody else. */
function ownerOf(path: string): number {
  return Number(Bun.spawnSync(["stat", "-c", "%u", path]).stdout.toString());
}

test("another program of the same user cannot read its variables or its memory", async () => {
  await using child = await startProgram();
  // The user and the way to look are right: a process that did not ask is read.
  const other = readAs(`/proc/self/environ`);
  expect(other).toMatchObject({ code: 0 });
  expect(other.bytes).toBeGreaterThan(0);
  for (const name of ["environ", "maps", "auxv"]) {
    expect({ name, ...readAs(`/proc/${child.pid}/${name}`) }).toEqual({ name, code: 1, bytes: 0 });
  }
  // What everybody may know of every process stays so.
  expect(readAs(`/proc/${child.pid}/cmdline`).bytes).toBeGreaterThan(0);
});

test("it still finds in /proc what the daemon needs of itself", async () => {
  await using child = await startProgram();
  expect(child.facts.after).toMatchObject({
    limits: "read",
    cmdline: "read",
    hasDescriptors: true,
    // Not this: whoever needs its own variables reads them before, or from the runtime.
    environ: "EACCES",
  });
});

test("what it starts can be looked into as ever, and leaves core files as ever", async () => {
  await using child = await startProgram();
  expect(child.facts.childBefore).toBe(`${uid}\nread\n`);
  expect(child.facts.child).toBe(child.facts.childBefore);
  expect(coreLimitOf(child.pid)).toBe(coreLimitOf("self"));
});

function coreLimitOf(pid: number | "self"): string | undefined {
  return /^Max core file size.*$/m.exec(readFileSync(`/proc/${pid}/limits`, "utf8"))?.[0];
}

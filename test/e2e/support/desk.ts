// Machines of their own for tests about keys: a home without any, a working directory, and a record of all that was said there.

import { expect } from "bun:test";
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { checkKey } from "../../../src/keys/check-key.ts";
import type { Key } from "../../../src/keys/contract.ts";
import { createCluster } from "../../../src/keys/issue.ts";
import { parseKey, printKey } from "../../../src/keys/key-file.ts";
import { type Ended, start } from "./running.ts";
import type { Sandbox } from "./sandbox.ts";

export interface Desk {
  readonly path: string;
  /** Where its user's keys are. */
  readonly keys: string;
  at(name: string): string;
  /** Runs ctl, or another executable, to its end. */
  ctl(args: readonly string[], how?: How): Promise<Ended>;
}

export interface How {
  executable?: string;
  env?: Record<string, string | undefined>;
}

export function openDesk(box: Sandbox, heard: string[]): Desk {
  const path = mkdtempSync(join(box.directory, "desk-"));
  const at = (name: string): string => join(path, name);
  mkdirSync(at("home"));
  return {
    path,
    keys: at("home/.config/ctl"),
    at,
    ctl: async (args, { executable = box.executable, env = {} } = {}) => {
      const whole = { PATH: process.env["PATH"], HOME: at("home"), ...env };
      const ended = await start([executable, ...args], { cwd: path, env: whole }).ended;
      heard.push(ended.text, ended.stderr, args.join("\n"));
      return ended;
    },
  };
}

/** One where `ctl init` has run. */
export async function openCluster(box: Sandbox, heard: string[]): Promise<Desk> {
  const desk = openDesk(box, heard);
  await succeed(desk.ctl(["init"]));
  return desk;
}

/** The same without the copy of ctl, which is a hundred megabytes. */
export async function openOperator(box: Sandbox, heard: string[]): Promise<Desk> {
  const desk = openDesk(box, heard);
  mkdirSync(desk.keys, { recursive: true, mode: 0o700 });
  const text = printKey(await createCluster());
  writeFileSync(join(desk.keys, "operator.key"), text, { mode: 0o600 });
  return desk;
}

/** What it printed, when it did so without a complaint. */
export async function succeed(run: Promise<Ended>): Promise<string> {
  const { text, stderr, code } = await run;
  expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
  return text;
}

/** The same as one line of JSON. */
export async function json(run: Promise<Ended>): Promise<Record<string, unknown>> {
  const text = await succeed(run);
  expect(text.trimEnd()).not.toContain("\n");
  return JSON.parse(text) as Record<string, unknown>;
}

export const modeOf = (path: string): string => (lstatSync(path).mode & 0o7777).toString(8);

/** A key that is sound. */
export function keyAt(path: string): Key {
  const key = parseKey(readFileSync(path, "utf8"), path);
  checkKey(key, path);
  return key;
}

/** The lines of every private key and authority's key in a file below. */
export function secretsBelow(directory: string): Set<string> {
  const secrets = new Set<string>();
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || statSync(path).size > 100_000) continue;
    const blocks = readFileSync(path, "latin1").matchAll(/BEGIN PRIVATE KEY-----\n([^-]*)/g);
    for (const [, block = ""] of blocks) {
      for (const line of block.trim().split("\n")) secrets.add(line);
    }
  }
  return secrets;
}

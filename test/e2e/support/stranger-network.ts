// Two machines on one: network namespaces with a wire between them, each with its own address and its own idea of who "node3" is.
// Needs root and iproute2. Everything is gone when it has been disposed.

import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";

import { pathOf } from "../../../scripts/system-packages.ts";
import { type Ended, type Env, type Running, start } from "./running.ts";

export interface Machine {
  readonly address: string;
  /** Words before a command that is to run there. */
  readonly within: readonly string[];
}

export interface Network extends AsyncDisposable {
  readonly node: Machine;
  readonly controller: Machine;
  /** A second address of the controller's machine, where strangers are. */
  readonly strangersAddress: string;
}

const subnet = "10.83.0";
const addresses = { node: `${subnet}.1`, controller: `${subnet}.2`, strangers: `${subnet}.3` };
const configuration = "/etc/netns";

/** Null, with a loud word, for an ordinary user; root gets a network or an error. */
export async function openNetwork(): Promise<Network | null> {
  if (process.getuid?.() !== 0) {
    process.stderr.write("NOT TESTED: network namespaces need root, and this user is another\n");
    return null;
  }
  if (pathOf("ip") === null) throw new Error("This test needs ip: apt-get install iproute2");
  const unique = `${process.pid}-${crypto.randomUUID().slice(0, 4)}`;
  const [node, controller] = [`ctl-node-${unique}`, `ctl-home-${unique}`];
  const close = async (): Promise<void> => {
    for (const name of [node, controller]) {
      await ip(["netns", "del", name]);
      rmSync(`${configuration}/${name}`, { recursive: true, force: true });
    }
    if (existsSync(configuration) && readdirSync(configuration).length === 0) {
      rmdirSync(configuration);
    }
  };
  try {
    await make(node, controller);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    node: { address: addresses.node, within: within(node) },
    controller: { address: addresses.controller, within: within(controller) },
    strangersAddress: addresses.strangers,
    [Symbol.asyncDispose]: close,
  };
}

async function make(node: string, controller: string): Promise<void> {
  for (const name of [node, controller]) {
    // What is in there replaces the file of that name in /etc, for those within alone.
    mkdirSync(`${configuration}/${name}`, { recursive: true });
    const hosts = `127.0.0.1 localhost\n${addresses.node} node3\n`;
    writeFileSync(`${configuration}/${name}/hosts`, hosts);
    await mustIp(["netns", "add", name]);
    await mustIp(["-n", name, "link", "set", "lo", "up"]);
  }
  const peer = ["type", "veth", "peer", "name", "wire", "netns", controller];
  await mustIp(["link", "add", "wire", "netns", node, ...peer]);
  await mustIp(["-n", node, "address", "add", `${addresses.node}/24`, "dev", "wire"]);
  for (const address of [addresses.controller, addresses.strangers]) {
    await mustIp(["-n", controller, "address", "add", `${address}/24`, "dev", "wire"]);
  }
  for (const name of [node, controller]) await mustIp(["-n", name, "link", "set", "wire", "up"]);
}

const within = (name: string): readonly string[] => [pathOf("ip") ?? "ip", "netns", "exec", name];

const ip = (words: readonly string[]): Promise<Ended> =>
  start([pathOf("ip") ?? "ip", ...words], { env: { PATH: process.env["PATH"] } }).ended;

async function mustIp(words: readonly string[]): Promise<void> {
  const { code, stderr } = await ip(words);
  if (code === 0) return;
  throw new Error(
    `This machine does not let root make a network of namespaces: ip ${words.join(" ")}: ${stderr.trim()}`,
  );
}

export interface ShellOn {
  cwd: string;
  env: Env;
}

/** A line as somebody at that machine would type it. Its state directory is its own, and gone with it. */
export function shellOn(machine: Machine, line: string, { cwd, env }: ShellOn): Running {
  const script = `mount -t tmpfs tmpfs /var/lib && ${line}`;
  return start([...machine.within, "sh", "-c", script], { cwd, env, timeoutMs: 120_000 });
}

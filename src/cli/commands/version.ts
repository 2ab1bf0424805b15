// `ctl version`: what this program is.

import { toJson } from "../../base/json-text.ts";
import { PROTOCOL_MAX, PROTOCOL_MIN } from "../../wire/limits.ts";
import type { App } from "../app.ts";
import { parseArguments } from "../argv.ts";
import { helpOf } from "../help/command-help.ts";
import { versionSyntax } from "../syntax/version.ts";

export function version(app: App, words: readonly Uint8Array[]): Promise<number> {
  const parsed = parseArguments(versionSyntax, words);
  if (parsed.kind === "help") app.console.print(helpOf(versionSyntax, parsed.isFull));
  else if (parsed.options.json) app.console.print(`${toJson(facts(app))}\n`);
  else {
    const { ctl, bun, platform } = facts(app);
    const protocols = [...new Set([PROTOCOL_MIN, PROTOCOL_MAX])].join(" to ");
    app.console.print(`ctl ${ctl}\nprotocol ${protocols}\nplatform ${platform}, Bun ${bun}\n`);
  }
  return Promise.resolve(0);
}

function facts(app: App): {
  ctl: string;
  protocol_min: number;
  protocol_max: number;
  platform: string;
  bun: string;
} {
  return {
    ctl: app.software,
    protocol_min: PROTOCOL_MIN,
    protocol_max: PROTOCOL_MAX,
    platform: `linux-${process.arch}`,
    bun: Bun.version,
  };
}

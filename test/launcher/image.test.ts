// The committed launchers against their sources, and what is made of them to be executed.

import { describe, expect, test } from "bun:test";

import { buildImage, compilerFor, hashSources } from "../../scripts/launcher.ts";
import { committedImage, openImage } from "../../src/launcher/image.ts";
import { image as arm64 } from "../../src/launcher/image/arm64.ts";
import { image as x64 } from "../../src/launcher/image/x64.ts";
import { until } from "../support/until.ts";
import { openFds } from "./launching.ts";

const committed = { x64, arm64 };
const machines = { x64: 62, arm64: 183 };

for (const cpu of ["x64", "arm64"] as const) {
  describe(`the committed launcher for ${cpu}`, () => {
    const bytes = Buffer.from(committed[cpu].base64, "base64");

    test("was built from the sources that are here", () => {
      expect(committed[cpu].sourceSha256, 'run "bun run launcher"').toBe(hashSources());
    });

    test("is what the same compiler makes of them, where that one is installed", () => {
      const here = compilerFor(cpu)?.version;
      // Another compiler's bytes differ; for this machine's CPU they have to pass all the other tests of this folder.
      const built = here === committed[cpu].compiler ? buildImage(cpu)?.bytes : bytes;
      expect(Buffer.compare(bytes, built ?? new Uint8Array(0))).toBe(0);
    });

    test("is a small static executable for that CPU, with no interpreter", () => {
      expect(bytes.length).toBeLessThan(16 * 1024);
      expect(bytes.toString("latin1", 1, 4)).toBe("ELF");
      expect(bytes.readUInt16LE(16)).toBe(2);
      expect(bytes.readUInt16LE(18)).toBe(machines[cpu]);
      const table = Number(bytes.readBigUInt64LE(32));
      const count = bytes.readUInt16LE(56);
      const types = Array.from({ length: count }, (_, index) =>
        bytes.readUInt32LE(table + index * 56),
      );
      expect(types).not.toContain(3);
      expect(types).not.toContain(2);
    });
  });
}

describe("an opened image", () => {
  test("can be executed by its command, far above the descriptors of a child", async () => {
    const before = openFds();
    const image = openImage();
    expect(Number(image.command.split("/").at(-1))).toBeGreaterThanOrEqual(64);
    // Without a control socket it ends at once, silently.
    const run = Bun.spawnSync([image.command], { stdio: ["ignore", "pipe", "pipe"] });
    expect([run.exitCode, run.stdout.length, run.stderr.length]).toEqual([0, 0, 0]);
    image.close();
    await until(() => openFds() <= before);
  });

  test("cannot be changed by anybody", () => {
    const image = openImage();
    const { openSync, writeSync, closeSync, truncateSync } = process.getBuiltinModule("node:fs");
    const fd = openSync(image.command, "r+");
    expect(() => writeSync(fd, "x")).toThrow("EPERM");
    expect(() => truncateSync(image.command, 0)).toThrow("EPERM");
    closeSync(fd);
    image.close();
  });

  test("is the one for the CPU that we run on", () => {
    const cpu = process.arch === "arm64" ? "arm64" : "x64";
    expect(Buffer.from(committedImage()).toString("base64")).toBe(committed[cpu].base64);
  });
});

// What a launched child finds when it begins: descriptors, signals, arguments, limits, attributes. Real processes.

import { afterAll, describe, expect, test } from "bun:test";

import { until } from "../support/until.ts";
import {
  bytesOf,
  codeOf,
  isRoot,
  Launched,
  path,
  readProc,
  spawnerOf,
  testImages,
} from "./launching.ts";

const nofileLimit = 7;
const newMountNamespace = 0x0002_0000;
const newPidNamespace = 0x2000_0000;
const notUtf8 = Uint8Array.from([0x61, 0xff, 0xfe, 0x80, 0x62]);

for (const image of testImages()) {
  describe(`a child of the ${image.name}`, () => {
    const spawner = spawnerOf(image);
    afterAll(() => spawner.close());

    const outputOf = async (script: string, parts = {}): Promise<string> =>
      (await Launched.shell(spawner, script, parts).over()).out;

    test("has exactly the descriptors 0 to 2", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      const { pid } = await launched.the("started");
      const names = (): string[] =>
        process.getBuiltinModule("node:fs").readdirSync(`/proc/${pid}/fd`);
      // Its own loader opens a library for a moment; what it was born with would stay.
      await until(() => names().length === 3);
      expect(names()).toEqual(["0", "1", "2"]);
      launched.child.stop(0);
      await launched.over();
    });

    test("has default signal actions and an empty signal mask", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      const { pid } = await launched.the("started");
      const status = readProc(`${pid}/status`) ?? "";
      for (const set of ["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"]) {
        expect(status).toMatch(new RegExp(`^${set}:\\t0{16}$`, "m"));
      }
      launched.child.stop(0);
      await launched.over();
    });

    test("leads a session of its own below its launcher", async () => {
      const launched = Launched.start(spawner, ["/bin/sleep", "100"]);
      const { pid, launcherPid } = await launched.the("started");
      const fields = (readProc(`${pid}/stat`) ?? "").replace(/^.*\) /s, "").split(" ");
      expect(fields.slice(1, 4).map(Number)).toEqual([launcherPid, pid, pid]);
      launched.child.stop(0);
      await launched.over();
    });

    test("gets arguments and variables that are not UTF-8 as they are", async () => {
      const printed = await Launched.start(spawner, ["printf", "%s", notUtf8]).over();
      expect(printed.stdout).toEqual(notUtf8);
      const variable = Buffer.concat([bytesOf("X="), notUtf8]);
      const listed = await Launched.start(spawner, ["/usr/bin/env"], { env: [variable] }).over();
      expect(listed.stdout).toEqual(Buffer.concat([variable, bytesOf("\n")]));
    });

    test("gets empty arguments and arguments with every byte but NUL", async () => {
      const all = Uint8Array.from({ length: 255 }, (_, index) => index + 1);
      const printed = await Launched.start(spawner, ["printf", "<%s>", "", all, ""]).over();
      expect(printed.stdout).toEqual(Buffer.concat([bytesOf("<><"), all, bytesOf("><>")]));
    });

    test("gets no variable but those it was given", async () => {
      const listed = await Launched.start(spawner, ["/usr/bin/env"], {
        env: ["A=1", "B=2"],
      }).over();
      expect(listed.out).toBe("A=1\nB=2\n");
    });

    test("starts in its directory, or in / without one", async () => {
      expect(await outputOf("pwd")).toBe("/\n");
      expect(await outputOf("pwd", { directory: bytesOf("/usr") })).toBe("/usr\n");
    });

    test("can open /dev/stdout, /dev/stderr and /proc/self/fd/1 anew", async () => {
      const script =
        "echo one; echo two > /dev/stdout; echo three >> /proc/self/fd/1; echo err > /dev/stderr";
      const launched = await Launched.shell(spawner, script).over();
      expect(launched.out).toBe("one\ntwo\nthree\n");
      expect(launched.stderr).toEqual(Buffer.from("err\n"));
    });

    test("reads end-of-file from stdin when it gets none", async () => {
      expect(await outputOf("cat; echo end")).toBe("end\n");
    });

    test("reads what is written to its stdin, then end-of-file", async () => {
      const launched = Launched.shell(spawner, "cat; exit 3", { stdin: "pipe" });
      const answers: (string | null)[] = [];
      launched.child.stdin?.write(bytesOf("from stdin\n"), (errno) => answers.push(errno));
      await until(() => answers.length === 1);
      launched.child.stdin?.close();
      await launched.over();
      expect(answers).toEqual([null]);
      expect(launched.out).toBe("from stdin\n");
      expect(codeOf(await launched.the("exited"))).toBe(3);
    });

    test("gets the limits of its orders and keeps the others", async () => {
      const limits = [{ resource: nofileLimit, soft: 100n, hard: 200n }];
      expect(await outputOf("ulimit -Sn; ulimit -Hn", { limits })).toBe("100\n200\n");
    });

    test("gets its umask, nice value, affinity and oom score", async () => {
      const attributes = { umask: 0o027, nice: 7, affinity: [0], oomScoreAdjust: 500 };
      const script =
        "umask; nice; grep Cpus_allowed_list /proc/self/status; cat /proc/self/oom_score_adj";
      const expected = "0027\n7\nCpus_allowed_list:\t0\n500\n";
      expect(await outputOf(script, { attributes })).toBe(expected);
    });

    test("becomes the user and the groups of its orders, or says why not", async () => {
      const user = { uid: 54_322, gid: 54_323, groups: [54_324, 54_325] };
      const launched = Launched.shell(spawner, "id -u; id -g; id -G", { attributes: { user } });
      await launched.over();
      if (isRoot) expect(launched.out).toBe("54322\n54323\n54323 54324 54325\n");
      else expect((await launched.the("not-started")).phase).toBe("user");
    });

    test("is the first process of its own namespace, or is told why not", async () => {
      const attributes = { namespaces: newMountNamespace | newPidNamespace, mountProc: true };
      const launched = Launched.shell(spawner, "echo $$; ls /proc | grep -c '^[0-9]'", {
        attributes,
      });
      await launched.over();
      if (isRoot) {
        expect(launched.out).toMatch(/^1\n[23]\n$/);
        expect((await launched.the("started")).pid).toBeGreaterThan(1);
      } else {
        expect((await launched.the("not-started")).phase).toBe("clone");
      }
      const mounts = await Bun.file("/proc/self/mounts").text();
      expect(mounts.match(/ \/proc proc /g)?.length).toBe(1);
    });

    test("that writes to a pipe whose reader has gone gets SIGPIPE", async () => {
      const launched = Launched.start(spawner, ["yes"], { env: [path], read: false });
      await launched.the("started");
      launched.child.stdout.close();
      expect(codeOf(await launched.the("exited"))).toBe(-13);
    });
  });
}

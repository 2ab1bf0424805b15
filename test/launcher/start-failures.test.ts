// Every way a start can fail after the launcher has its orders, with its exact phase, errno and path.

import { afterAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { constants, tmpdir } from "node:os";
import { join } from "node:path";

import { descendantsOf } from "../../src/os/process-tree.ts";
import { until } from "../support/until.ts";
import {
  bytesOf,
  codeOf,
  isRoot,
  Launched,
  type OrderParts,
  spawnerOf,
  testImages,
  textOf,
} from "./launching.ts";

const directory = mkdtempSync(join(tmpdir(), "ctl-start-failures-"));
chmodSync(directory, 0o755);
afterAll(() => rmSync(directory, { recursive: true }));

const nprocLimit = 6;
const nofileLimit = 7;
const stranger = { uid: 54_321, gid: 54_321, groups: [] };

function put(name: string, content: string | Uint8Array, mode = 0o755): string {
  const file = join(directory, name);
  writeFileSync(file, content, { mode });
  return file;
}

/** How a failure looks to these tests: the errno by its name, the path as text. */
interface Failure {
  phase: string;
  errno: string | undefined;
  path: string;
  interpreter: boolean;
}

const exec = (errno: string, file: string, interpreter = false): Failure => ({
  phase: "exec",
  errno,
  path: file,
  interpreter,
});

for (const image of testImages()) {
  describe(`a start through the ${image.name}`, () => {
    const spawner = spawnerOf(image);
    afterAll(() => spawner.close());

    async function failureOf(argv: string[], parts: OrderParts = {}): Promise<Failure> {
      const launched = await Launched.start(spawner, argv, parts).over();
      expect(launched.kinds).toEqual(["not-started"]);
      const report = await launched.the("not-started");
      const { phase, errno, interpreter } = report;
      const name = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
      return { phase, errno: name, path: textOf(report.path), interpreter };
    }

    test("of a missing absolute path says ENOENT and the path", async () => {
      const file = join(directory, "nothing");
      expect(await failureOf([file])).toEqual(exec("ENOENT", file));
    });

    test("of a command that is nowhere in PATH says ENOENT and the command", async () => {
      expect(await failureOf(["no-such-command"])).toEqual(exec("ENOENT", "no-such-command"));
    });

    test("of an empty command says ENOENT", async () => {
      expect(await failureOf([""])).toEqual(exec("ENOENT", ""));
    });

    test("without x bit says EACCES", async () => {
      const file = put("plain", "x", 0o644);
      expect(await failureOf([file])).toEqual(exec("EACCES", file));
    });

    test("of a directory says EACCES", async () => {
      expect(await failureOf([directory])).toEqual(exec("EACCES", directory));
    });

    test("by PATH says EACCES for what it found without x bit, if there is nothing else", async () => {
      const file = put("hidden", "#!/bin/sh\n", 0o644);
      const env = [`PATH=${directory}:/nowhere`];
      expect(await failureOf(["hidden"], { env })).toEqual(exec("EACCES", file));
    });

    test("by PATH goes on after EACCES", async () => {
      put("other", "#!/bin/sh\n", 0o644);
      mkdirSync(join(directory, "second"), { recursive: true });
      put("second/other", "#!/bin/sh\necho second\n");
      const env = [`PATH=${directory}:${directory}/second`];
      const launched = await Launched.start(spawner, ["other"], { env }).over();
      expect(launched.out).toBe("second\n");
    });

    test("by an empty element of PATH takes the working directory", async () => {
      mkdirSync(join(directory, "here"), { recursive: true });
      put("here/local", "#!/bin/sh\necho local\n");
      const parts = { env: ["PATH=:/bin"], directory: bytesOf(join(directory, "here")) };
      const launched = await Launched.start(spawner, ["local"], parts).over();
      expect(launched.out).toBe("local\n");
    });

    test("without PATH searches /bin and /usr/bin", async () => {
      const launched = await Launched.start(spawner, ["true"], { env: [] }).over();
      expect(codeOf(await launched.the("exited"))).toBe(0);
    });

    test("of a script without #! says ENOEXEC and does not fall back to sh", async () => {
      const file = put("no-shebang", "echo from sh\n");
      expect(await failureOf([file])).toEqual(exec("ENOEXEC", file));
    });

    test("of an empty file says ENOEXEC", async () => {
      const file = put("empty", "");
      expect(await failureOf([file])).toEqual(exec("ENOEXEC", file));
    });

    test("with one argument of 128 KiB says E2BIG", async () => {
      const argv = ["/bin/true", "x".repeat(131_072)];
      expect(await failureOf(argv)).toEqual(exec("E2BIG", "/bin/true"));
    });

    test("with too many arguments in all says E2BIG", async () => {
      const argv = ["/bin/true", ...Array.from({ length: 100 }, () => "x".repeat(131_000))];
      expect(await failureOf(argv)).toEqual(exec("E2BIG", "/bin/true"));
    });

    test("with 1.5 MB of arguments succeeds", async () => {
      const argv = ["/bin/true", ...Array.from({ length: 12 }, () => "x".repeat(131_000))];
      const launched = await Launched.start(spawner, argv).over();
      expect(codeOf(await launched.the("exited"))).toBe(0);
    });

    test("in a missing directory says ENOENT of that directory", async () => {
      const gone = join(directory, "gone");
      const failure = await failureOf(["/bin/true"], { directory: bytesOf(gone) });
      expect(failure).toEqual({ phase: "chdir", errno: "ENOENT", path: gone, interpreter: false });
    });

    test("in a directory that is a file says ENOTDIR", async () => {
      const file = put("a-file", "x", 0o644);
      const failure = await failureOf(["/bin/true"], { directory: bytesOf(file) });
      expect(failure).toEqual({ phase: "chdir", errno: "ENOTDIR", path: file, interpreter: false });
    });

    test("of a path through a file says ENOTDIR", async () => {
      const file = join(put("a-file", "x", 0o644), "x");
      expect(await failureOf([file])).toEqual(exec("ENOTDIR", file));
    });

    test("of a script names its missing interpreter", async () => {
      const file = put("bad-script", "#! /no/such/interpreter -x\n");
      const expected = exec("ENOENT", "/no/such/interpreter", true);
      expect(await failureOf([file])).toEqual(expected);
      expect(await failureOf(["bad-script"], { env: [`PATH=${directory}`] })).toEqual(expected);
    });

    test("of a script names the interpreter that its interpreter misses", async () => {
      const inner = put("inner", "#!/no/such/inner\n");
      const file = put("outer", `#!${inner}\n`);
      expect(await failureOf([file])).toEqual(exec("ENOENT", "/no/such/inner", true));
    });

    test("of an ELF file names its missing dynamic linker", async () => {
      const program = readFileSync("/bin/true");
      const at = program.indexOf("/lib");
      program.write("/XXX", at);
      const end = program.indexOf(0, at);
      const file = put("bad-elf", program);
      const linker = program.toString("latin1", at, end);
      expect(await failureOf([file])).toEqual(exec("ENOENT", linker, true));
    });

    test("of a file that is open for writing says ETXTBSY", async () => {
      const file = join(directory, "busy");
      copyFileSync("/bin/true", file);
      chmodSync(file, 0o755);
      const fd = openSync(file, "r+");
      expect(await failureOf([file])).toEqual(exec("ETXTBSY", file));
      closeSync(fd);
    });

    test("of a name of 300 bytes says ENAMETOOLONG", async () => {
      const name = "x".repeat(300);
      expect(await failureOf([name])).toEqual(exec("ENAMETOOLONG", name));
    });

    test("of a path of 5000 bytes says ENAMETOOLONG and as much of the path as a report holds", async () => {
      const name = `/${"x".repeat(5_000)}`;
      expect(await failureOf([name])).toEqual(exec("ENAMETOOLONG", name.slice(0, 3_584)));
    });

    test("of a symbolic link to itself says ELOOP", async () => {
      const link = join(directory, "loop");
      rmSync(link, { force: true });
      symlinkSync("loop", link);
      expect(await failureOf([link])).toEqual(exec("ELOOP", link));
    });

    test("with a NUL inside an argument is refused as a request", async () => {
      const failure = await failureOf(["/bin/true", "a\0b"]);
      expect(failure).toEqual({ phase: "request", errno: "EINVAL", path: "", interpreter: false });
    });

    test("with clone flags that are no namespace is refused", async () => {
      const attributes = { namespaces: 0x0001_0000 };
      const failure = await failureOf(["/bin/true"], { attributes });
      expect(failure).toEqual({ phase: "clone", errno: "EINVAL", path: "", interpreter: false });
    });

    test("with a /proc of its own but no mount namespace is refused", async () => {
      for (const namespaces of [0, 0x2000_0000]) {
        const failure = await failureOf(["/bin/true"], {
          attributes: { mountProc: true, namespaces },
        });
        expect(failure).toEqual({ phase: "clone", errno: "EINVAL", path: "", interpreter: false });
      }
    });

    test("with a soft limit above the hard one names the limit", async () => {
      const limits = [{ resource: nofileLimit, soft: 100n, hard: 10n }];
      const failure = await failureOf(["/bin/true"], { limits });
      const expected = { phase: "limits", errno: "EINVAL", path: "limit 7", interpreter: false };
      expect(failure).toEqual(expected);
    });

    test("with a limit that the machine does not grant says EPERM and names the limit", async () => {
      const tooMuch = BigInt(readFileSync("/proc/sys/fs/nr_open", "utf8").trim()) + 1n;
      const limits = [{ resource: nofileLimit, soft: tooMuch, hard: tooMuch }];
      const failure = await failureOf(["/bin/true"], { limits });
      const expected = { phase: "limits", errno: "EPERM", path: "limit 7", interpreter: false };
      expect(failure).toEqual(expected);
    });

    test("with a file name that is not UTF-8 reports its bytes", async () => {
      const name = Uint8Array.from([0x2f, 0xff, 0xfe, 0x80]);
      const launched = await Launched.start(spawner, [name]).over();
      expect((await launched.the("not-started")).path).toEqual(name);
    });

    test("as another user beyond that user's process limit says EAGAIN", async () => {
      const limits = [{ resource: nprocLimit, soft: 1n, hard: 1n }];
      if (!isRoot) {
        // Only root can become somebody else, and says so.
        const failure = await failureOf(["/bin/true"], { attributes: { user: stranger } });
        expect(failure).toMatchObject({ phase: "user", errno: "EPERM", path: "setgroups" });
        return;
      }
      const sleepers = [1, 2].map(() =>
        Launched.start(spawner, ["/bin/sleep", "100"], { attributes: { user: stranger } }),
      );
      for (const sleeper of sleepers) await sleeper.the("started");
      const failure = await failureOf(["/bin/true"], { limits, attributes: { user: stranger } });
      expect(failure).toEqual(exec("EAGAIN", "/bin/true"));
      for (const sleeper of sleepers) sleeper.child.stop(0);
      for (const sleeper of sleepers) await sleeper.over();
    });

    test("names the directory that the child's user may not enter", async () => {
      const locked = join(directory, "locked");
      mkdirSync(locked, { mode: isRoot ? 0o700 : 0, recursive: true });
      const attributes = isRoot ? { user: stranger } : {};
      const parts = { directory: bytesOf(locked), attributes };
      const failure = await failureOf(["/bin/true"], parts);
      expect(failure).toMatchObject({ phase: "chdir", errno: "EACCES", path: locked });
    });

    test("names an affinity that the machine cannot give", async () => {
      const failure = await failureOf(["/bin/true"], { attributes: { affinity: [1_000] } });
      const expected = { phase: "setup", errno: "EINVAL", path: "affinity", interpreter: false };
      expect(failure).toEqual(expected);
    });

    test("that failed leaves no launcher behind", async () => {
      const before = descendantsOf(process.pid, 1_000).length;
      await Promise.all(Array.from({ length: 10 }, () => failureOf(["no-such-command"])));
      await until(() => descendantsOf(process.pid, 1_000).length <= before);
    });
  });
}

// Every golden frame through C++ and Python: bun scripts/soak/other-languages.ts. Each reads it with the code that flatc
// makes for it, and writes it again; what it wrote must be accepted here and say the same, field by field. Says loudly
// which language could not be tried for want of a tool, and fails when none could.

import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";

import { messageCodec } from "../../src/capability/messages.ts";
import { FrameReader } from "../../src/wire/frames.ts";
import { frameBytesMax } from "../../src/wire/limits.ts";
import { goldenPath, samples } from "../../test/golden/samples.ts";

const root = join(import.meta.dir, "../..");

const cppSource = `
#include "message_generated.h"
#include <cstdio>
#include <cstring>
#include <vector>
int main() {
  uint32_t length;
  while (fread(&length, 4, 1, stdin) == 1) {
    std::vector<uint64_t> room(length / 8 + 2);
    auto frame = reinterpret_cast<uint8_t *>(room.data());
    memcpy(frame, &length, 4);
    if (fread(frame + 4, 1, length, stdin) != length) return 1;
    flatbuffers::Verifier verifier(frame, length + 4);
    if (!ctl::wire::VerifySizePrefixedMessageBuffer(verifier)) return 2;
    ctl::wire::MessageT message;
    ctl::wire::GetSizePrefixedMessage(frame)->UnPackTo(&message);
    flatbuffers::FlatBufferBuilder builder;
    ctl::wire::FinishSizePrefixedMessageBuffer(builder, ctl::wire::Message::Pack(builder, &message));
    fwrite(builder.GetBufferPointer(), 1, builder.GetSize(), stdout);
  }
}`;

const pythonSource = `
import struct, sys
import flatbuffers
from ctl.wire.Message import Message, MessageT
while True:
    prefix = sys.stdin.buffer.read(4)
    if not prefix:
        break
    frame = prefix + sys.stdin.buffer.read(struct.unpack("<I", prefix)[0])
    assert Message.MessageBufferHasIdentifier(frame, 0, size_prefixed=True)
    message = MessageT.InitFromObj(Message.GetRootAs(frame, 4))
    builder = flatbuffers.Builder(1024)
    builder.FinishSizePrefixed(message.Pack(builder), b"CTL1")
    sys.stdout.buffer.write(builder.Output())
`;

interface Language {
  name: string;
  /** Makes the program in the workspace and returns how to call it, or what is missing. */
  prepare(workspace: string): Promise<{ argv: string[] } | { missing: string }>;
}

const languages: Language[] = [
  {
    name: "C++",
    async prepare(workspace) {
      if (!Bun.which("g++")) return { missing: "g++" };
      if (
        !isPossible([
          "g++",
          "-xc++",
          "-fsyntax-only",
          "-include",
          "flatbuffers/flatbuffers.h",
          "/dev/null",
        ])
      ) {
        return { missing: "libflatbuffers-dev" };
      }
      const program = join(workspace, "reader");
      await Bun.write(`${program}.cpp`, cppSource);
      await flatc("--cpp", workspace);
      run(["g++", "-std=c++17", "-o", program, `${program}.cpp`]);
      return { argv: [program] };
    },
  },
  {
    name: "Python",
    async prepare(workspace) {
      // The distribution's package belongs to the distribution's Python, which need not be the first in PATH.
      const python = ["python3", "/usr/bin/python3"].find((name) =>
        isPossible([name, "-c", "import flatbuffers"]),
      );
      if (!python) return { missing: "python3-flatbuffers" };
      const program = join(workspace, "reader.py");
      await Bun.write(program, pythonSource);
      await flatc("--python", workspace);
      return { argv: [python, program] };
    },
  },
];

let tried = 0;
if (!Bun.which("flatc"))
  warn("nothing was tried: flatc is missing (apt-get install flatbuffers-compiler)");
else for (const language of languages) await tryLanguage(language);
if (tried === 0) process.exitCode = 1;

async function tryLanguage(language: Language): Promise<void> {
  const { name } = language;
  const workspace = await mkdtemp(join(tmpdir(), "ctl-languages-"));
  try {
    const program = await language.prepare(workspace);
    if ("missing" in program) return warn(`${name} was NOT TRIED: ${program.missing} is missing`);
    tried += 1;
    const wrong = await differencesOf(program.argv);
    console.log(
      `${name}: ${samples.size - wrong.length} of ${samples.size} golden frames were read and written`,
    );
    if (wrong.length === 0) return;
    console.error(`${name} reads or writes these otherwise: ${wrong.join(", ")}`);
    process.exitCode = 1;
  } finally {
    await rm(workspace, { recursive: true, force: true });
  }
}

/** The names of the frames that do not come back as what they are. */
async function differencesOf(argv: string[]): Promise<string[]> {
  const names = [...samples.keys()];
  const golden = await Promise.all(names.map((name) => Bun.file(goldenPath(name)).bytes()));
  const codec = messageCodec();
  const returned: unknown[] = [];
  // The parts of a message are views of its frame, which is only lent: each gets a frame of its own.
  new FrameReader(frameBytesMax).push(run(argv, new Blob(golden)), (frame) => {
    returned.push(codec.decode(new Uint8Array(frame)));
  });
  return names.filter((name, index) => !isDeepStrictEqual(returned[index], samples.get(name)));
}

/** File by file: with --gen-all the Python that flatc 2.0.8 writes lacks its imports. */
async function flatc(language: string, workspace: string): Promise<void> {
  const folder = join(root, "schema");
  const names = (await readdir(folder)).filter((name) => name.endsWith(".fbs"));
  const sources = names.map((name) => join(folder, name));
  run(["flatc", language, "--gen-object-api", "-o", workspace, ...sources]);
}

function run(argv: string[], input?: Blob): Uint8Array {
  const result = Bun.spawnSync(argv, { stdin: input ?? "ignore" });
  if (result.exitCode !== 0) throw new Error(`${argv.join(" ")}: ${result.stderr.toString()}`);
  return result.stdout;
}

function isPossible(argv: string[]): boolean {
  return Bun.which(argv[0] ?? "") !== null && Bun.spawnSync(argv).exitCode === 0;
}

function warn(text: string): void {
  console.error(`!!! ${text}`);
}

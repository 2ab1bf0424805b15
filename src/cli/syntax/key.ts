// `ctl key`: its options and what help says of it.

import { CtlError } from "../../base/errors.ts";
import { quote } from "../../base/escape.ts";
import { namePattern, type Role, roles } from "../../keys/contract.ts";
import { flag, named, path, text, type ValuesOf } from "../options.ts";
import { nearest } from "../suggest.ts";
import type { CommandSyntax } from "./command-syntax.ts";
import { keyFile } from "./shared.ts";

const table = {
  name: text(named("name", null, "Whose key it is, instead of the role's name"), "NAME"),
  output: path(named("output", "o", "Where the key goes, instead of ./ROLE.key"), "FILE"),
  key: keyFile,
  json: flag(named("json", null, "Print JSON")),
};

export type KeyOptions = ValuesOf<typeof table>;

export const keySyntax: CommandSyntax<typeof table> = {
  name: "key",
  summary: "Issue a key, or show the keys that are found",
  usage: "node|observer|operator [options]   or   ctl key show [FILE]",
  operands: ["node|observer|operator|show", "FILE"],
  operandsMin: 1,
  hasCommand: false,
  options: table,
  conflicts: [],
  examples: [
    { command: "ctl key show", explains: "which key is used for what, and from where" },
    { command: "ctl key observer --name tv", explains: "a key that may look, in observer.key" },
    { command: "ctl key node --name n7 -o n7.key", explains: "a key for one node alone" },
  ],
  sections: [
    {
      title: "Roles",
      paragraphs: [
        "  node      answers, and can command nobody",
        "  observer  may look: who is there, what runs, what it wrote",
        "  operator  may do everything, and issues keys",
      ],
    },
    {
      title: "Where keys are looked for",
      paragraphs: [
        "--key FILE, $CTL_KEY, packed into the executable, ~/.config/ctl, /etc/ctl; in the two directories they are called operator.key, " +
          "observer.key and node.key. The first that fits is used. One that is named by --key or CTL_KEY must fit. A key that others than " +
          "its owner can read is refused.",
      ],
    },
    {
      title: "Exit code",
      paragraphs: [
        "0 done, 1 cannot or a key is not sound, 2 the command line is wrong, 77 a key file is not safe, 78 there is no key.",
      ],
    },
  ],
};

export type KeyAction =
  { kind: "issue"; role: Role; name: string } | { kind: "show"; file: string | null };

/** @throws CtlError("usage") */
export function keyAction(options: KeyOptions, operands: readonly string[]): KeyAction {
  const [what = "", file = null] = operands;
  if (what === "show") {
    if (options.name === null && options.output === null) return { kind: "show", file };
    throw new CtlError("usage", "ctl key show makes no key: --name and -o are for those that do");
  }
  const role = roles.find((word) => word === what);
  if (role === undefined) throw unknownWord(what);
  if (file !== null) {
    throw new CtlError("usage", `Unexpected ${quote(file)}`, {
      hint: `write: ctl key ${role} -o FILE`,
    });
  }
  const name = options.name ?? role;
  if (namePattern.test(name)) return { kind: "issue", role, name };
  throw new CtlError("usage", `--name ${quote(name)} is no name`, {
    hint: "write 1 to 64 letters, digits, dots, hyphens or underscores",
  });
}

function unknownWord(what: string): CtlError {
  const words = [...roles, "show"];
  const meant = nearest(what, words);
  const hint = meant === null ? `write one of ${words.join(", ")}` : `did you mean "${meant}"?`;
  return new CtlError("usage", `ctl key does not know ${quote(what)}`, { hint });
}

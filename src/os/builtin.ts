// Modules of the runtime, loaded by those who need them. A static import would be paid for at every start of every command,
// because the bundler moves it to the top: node:fs alone costs more than a millisecond.

export const nodeFs = (): typeof import("node:fs") => process.getBuiltinModule("node:fs");
export const nodeFsPromises = (): typeof import("node:fs/promises") =>
  process.getBuiltinModule("node:fs/promises");
export const nodeOs = (): typeof import("node:os") => process.getBuiltinModule("node:os");
export const nodePath = (): typeof import("node:path") => process.getBuiltinModule("node:path");

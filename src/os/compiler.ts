// How eagerly the runtime's compiler works. The executable starts with a reluctant one (scripts/build.ts): compiling functions that
// run once or twice costs a short command a tenth of its time.

/** From now on what runs often is compiled, as usual. */
export function compileEagerly(): void {
  Bun.unsafe.setJITPolicy(1);
}

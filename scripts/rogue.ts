// Makes src/transport/rogue.ts, the stranger's key of the self-test: bun scripts/rogue.ts. Run once; the gate does not repeat it, for
// every run makes another key. It is issued as any operator's key is, valid from 1970 to 9999, so that nothing but the foreign
// authority can be the reason to refuse it, whatever the clock of a node says. The authority's key is never written down.

import { createCluster } from "../src/keys/issue.ts";

const path = `${import.meta.dir}/../src/transport/rogue.ts`;
const { certificate, privateKey } = await createCluster();
await Bun.write(
  path,
  `// A stranger's key, for the self-test: an operator's of a cluster whose authority was thrown away. It opens nothing anywhere.
// Made by scripts/rogue.ts, never edited.

export const rogue = {
  certificate: \`${certificate}\`,
  privateKey: \`${privateKey}\`,
};
`,
);

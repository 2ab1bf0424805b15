// argv in, exit code out: the only place that ends the process.

import { main } from "./cli/main.ts";

process.exit(await main());

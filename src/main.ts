// From argv to a command, and from what a command throws to one clear line and an exit code: 0 done, 1 failed,
// 2 wrong usage.

import { enableCompileCache } from 'node:module';
import { fileURLToPath } from 'node:url';

// Compiled code is kept from one start to the next, of threads as well, which halves the time that a start takes. Beside the
// sources, and not where Node would keep it, in the directory of everybody's temporary files: who writes there would have
// his code run. Where nothing can be written nothing is kept.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../.cache', import.meta.url));
enableCompileCache();
const { run } = await import('./cli/program.ts');

process.exitCode = await run(process.argv);

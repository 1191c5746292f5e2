// From argv to a command, and from what a command throws to one clear line and an exit code: 0 done, 1 failed,
// 2 wrong usage.

import { run } from './cli/program.ts';

process.exitCode = await run(process.argv);

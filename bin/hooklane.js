#!/usr/bin/env node
// The command `hooklane`. In a checkout it runs the sources as they are; the published package has none, as Node
// strips no types below node_modules, and runs what `npm pack` compiled of them. Must itself run on any Node
// that npm may be running on, to say what is wanted instead of failing at the first modern word.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The first version in which node:sqlite is no experiment, and warns of nothing. */
const NEEDED = '24.15';

const [major, minor] = process.versions.node.split('.').map(Number);
const [neededMajor, neededMinor] = NEEDED.split('.').map(Number);

if (major < neededMajor || (major === neededMajor && minor < neededMinor)) {
  process.stderr.write(
    `Hooklane needs Node ${NEEDED} or newer, and this is ${process.versions.node}. ` +
      'In a checkout use `npx hooklane` or `npm start`: they bring their own.\n',
  );
  process.exitCode = 1;
} else {
  // Compiled code is kept from one start to the next, of threads as well, which halves the time that a start takes. Switched on
  // here and not in what is TypeScript: then what strips the types need not be loaded either, 20 MiB. Beside the sources, and not
  // where Node would keep it, in the directory of everybody's temporary files: who writes there would have his code run. Where
  // nothing can be written nothing is kept.
  process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../.cache', import.meta.url));
  const { enableCompileCache } = await import('node:module');
  enableCompileCache();
  const source = new URL('../src/main.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
}

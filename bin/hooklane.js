#!/usr/bin/env node
// The command `hooklane`. In a checkout it runs the sources as they are; the published package has none, as Node
// strips no types below node_modules, and runs what `npm pack` compiled of them. Must itself run on any Node
// that npm may be running on, to say what is wanted instead of failing at the first modern word.

import { existsSync } from 'node:fs';

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
  const source = new URL('../src/main.ts', import.meta.url);
  await import(existsSync(source) ? source.href : new URL('../dist/main.js', import.meta.url).href);
}

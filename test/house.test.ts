// The rules of the house that neither the compiler nor Biome knows: who may import whom, who may touch the outside
// world, and what a file looks like. Biome sees to `any`, `!`, enums, console and unused imports; knip to exports
// that nobody uses. Sources are searched as text: Biome's format leaves only one way to write an import.

import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { test } from 'node:test';

// ── the rules ───────────────────────────────────────────────────────────────────────────────────────────────

/**
 * The floors, from the top, and the rooms on each. A file may import from its own room and from the floors below;
 * rooms on one floor know nothing of each other. A room is a directory of src/. `main` and `open` are the files of
 * that name; every other file directly in src/ is on the ground.
 */
const FLOORS = [
  ['main'],
  ['cli'],
  ['open'],
  ['command', 'projections', 'dispatch', 'record'],
  ['query', 'transfer', 'verify'],
  ['views'],
  ['log', 'limits'],
  ['ground'],
];

/** What may be imported by certain files alone. */
const IMPORTED_ONLY_BY: [imported: RegExp, by: RegExp][] = [
  [/^src\/log\/sqlite/, /^src\/(open\.ts|log\/sqlite)/],
  [/^src\/log\/kafka/, /^src\/(open\.ts|log\/kafka)/],
  [/^src\/views\/sqlite/, /^src\/(open\.ts|views\/sqlite)/],
  [/^src\/views\/mongo/, /^src\/(open\.ts|views\/mongo)/],
  [/^node:sqlite$/, /^src\/(file-lock\.ts|(log|views)\/sqlite)/],
  [/^src\/limits\/(memory|redis)/, /^src\/(open\.ts|limits\/)/],
  [/^ioredis$/, /^src\/limits\/redis\.ts$/],
  [/^kafkajs/, /^src\/log\/kafka-client\.ts$/],
  [/^mongodb$/, /^src\/views\/mongo(-client)?\.ts$/],
];

/** Files that import nothing of ours but this. */
const IMPORTS_ONLY: [file: string, imported: string[]][] = [
  ['src/events.ts', ['src/ids.ts']],
  ['src/ids.ts', []],
  ['src/time.ts', []],
];

/** Those who decide and do nothing: time, chance and the world come in as arguments. So do all whose head says that they are pure. */
const PURE = [
  /^src\/(events|trigger|nearest|destinations|scrub-rules)\.ts$/,
  /^src\/command\/scrub/,
  /^src\/dispatch\/(?!dispatcher\.ts|send\.ts|transport\.ts)/,
  /^src\/record\/(?!recorder\.ts)/,
  /^src\/limits\/(limits|window)\.ts$/,
  /^src\/verify\/(?!verify\.ts)/,
  /^src\/projections\/(?!projector\.ts|reached\.ts|rebuild\.ts|renewal\.ts|sweeper\.ts|prune\.ts)/,
];
const COMMANDS = /^src\/(main|cli\/.*)\.ts$/;
const WAITING = 'test/support/wait.ts';

/** Words that must not stand in certain files. */
const FORBIDDEN: { rule: string; words: RegExp; where: (path: string) => boolean }[] = [
  {
    rule: 'what decides reads no clock and throws no dice',
    words:
      /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(|\brandom(Bytes|UUID|Int)\(|\bperformance\.|\bsetTimeout\(/,
    where: (path) => PURE.some((pure) => pure.test(path)) || saysPure(path),
  },
  {
    rule: 'only commands print, read the environment and end the process',
    words: /\bprocess\.(stdout|stderr|env|exit\()/,
    where: (path) => path.startsWith('src/') && !COMMANDS.test(path),
  },
  {
    rule: 'tests wait for conditions, never for a time',
    words: /node:timers\/promises|new Promise[^;]*setTimeout\(|Atomics\.wait\(/,
    where: (path) => path.startsWith('test/') && path !== WAITING,
  },
  { rule: 'nothing is left half done', words: /\b(TODO|FIXME|XXX)\b/, where: () => true },
  { rule: 'no cast escapes the compiler', words: /\bas unknown as\b/, where: () => true },
  {
    rule: 'a suppression says its reason',
    words: /@ts-(ignore|nocheck)|@ts-expect-error\s*$/m,
    where: () => true,
  },
];

/** Longer than this a reader gets lost; but for the list of events, which is looked up and not read through. */
const MOST_LINES = 350;
const LISTS = ['src/events.ts'];

// ── the sources ─────────────────────────────────────────────────────────────────────────────────────────────

const root = join(import.meta.dirname, '..');

/** All TypeScript files below a directory of the repository: path, with slashes, to text. */
function filesBelow(directory: string): Map<string, string> {
  const paths = globSync(`${directory}/**/*.ts`, { cwd: root });
  return new Map(paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(join(root, path), 'utf8')]));
}

const sources = filesBelow('src');
/** All but this file, which has to name what it looks for. */
const others = new Map(
  [...filesBelow('test'), ...filesBelow('bench'), ...filesBelow('scripts')].filter(
    ([path]) => path !== 'test/house.test.ts',
  ),
);

/** Whether the comment at the head of a file says that it is pure. */
function saysPure(path: string): boolean {
  const [head = ''] = /^(\/\/.*\n)+/.exec(sources.get(path) ?? '') ?? [];
  return /\bPure\b/.test(head);
}

/** What a file imports: our own files by their path, others by their name. */
function importsOf(path: string, text: string): string[] {
  const imports = text.matchAll(
    /^(?:import|export|\}).*? from '([^']+)'|^import '([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...imports].map(([, from, bare, dynamic]) => {
    const name = from ?? bare ?? dynamic ?? '';
    return name.startsWith('.') ? posix.join(posix.dirname(path), name) : name;
  });
}

function roomOf(path: string): string {
  const [, room = '', file] = path.split('/');
  if (file !== undefined) return room;
  return room === 'main.ts' ? 'main' : room === 'open.ts' ? 'open' : 'ground';
}

function floorOf(path: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(roomOf(path)));
}

/** What is wrong with one file's import of another; undefined: nothing. */
function wrongImport(path: string, imported: string): string | undefined {
  const ours = imported.startsWith('src/');
  if (ours && roomOf(path) !== roomOf(imported) && floorOf(path) >= floorOf(imported)) {
    return `${path} imports ${imported}, which is not on a floor below`;
  }
  if (imported.startsWith('test/')) return `${path} imports ${imported}, which is a test`;
  const reserved = IMPORTED_ONLY_BY.find(([what, by]) => what.test(imported) && !by.test(path));
  if (reserved) return `${path} imports ${imported}, which only ${reserved[1]} may`;
  const [, only] = IMPORTS_ONLY.find(([file]) => file === path) ?? [];
  if (ours && only && !only.includes(imported)) return `${path} imports ${imported}, and may only ${only}`;
  return undefined;
}

/** The first circle of imports that is found, as the way round it; undefined: there is none. */
function circle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  function walk(path: string, way: string[]): string[] | undefined {
    if (way.includes(path)) return [...way.slice(way.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of imports.get(path) ?? []) {
      const found = walk(next, [...way, path]);
      if (found) return found;
    }
    done.add(path);
    return undefined;
  }
  return [...imports.keys()].map((path) => walk(path, [])).find((way) => way !== undefined);
}

// ── the tests ───────────────────────────────────────────────────────────────────────────────────────────────

test('imports go down: every room has a floor, engines are known to open.ts alone', () => {
  assert.ok(sources.size > 0);
  const roomless = [...sources.keys()].filter((path) => floorOf(path) === -1);
  assert.deepEqual(roomless, [], 'name the room in FLOORS');
  const wrong = [...sources].flatMap(([path, text]) =>
    importsOf(path, text).map((name) => wrongImport(path, name)),
  );
  assert.deepEqual(
    wrong.filter((found) => found !== undefined),
    [],
  );
});

test('imports run in no circle', () => {
  const imports = new Map([...sources].map(([path, text]) => [path, importsOf(path, text)]));
  assert.equal(circle(imports)?.join(' → '), undefined);
});

for (const { rule, words, where } of FORBIDDEN) {
  test(rule, () => {
    const wrong = [...sources, ...others].filter(([path, text]) => where(path) && words.test(text));
    assert.deepEqual(
      wrong.map(([path, text]) => `${path}: ${words.exec(text)?.[0]}`),
      [],
    );
  });
}

test('every source opens with what it is, and is short enough to be read', () => {
  const dumb = [...sources].filter(([, text]) => !/^(#!.*\n)?\/\/ .{30,}\n/.test(text)).map(([path]) => path);
  assert.deepEqual(dumb, [], 'without an opening comment');
  const long = [...sources].filter(
    ([path, text]) => text.split('\n').length > MOST_LINES && !LISTS.includes(path),
  );
  assert.deepEqual(
    long.map(([path]) => path),
    [],
    `longer than ${MOST_LINES} lines`,
  );
});

test('the rules find what they forbid', () => {
  const wrong: [string, string][] = [
    ['src/log/log.ts', 'src/views/views.ts'],
    ['src/dispatch/lane.ts', 'src/record/extract.ts'],
    ['src/ids.ts', 'src/time.ts'],
    ['src/events.ts', 'src/time.ts'],
    ['src/time.ts', 'src/log/log.ts'],
    ['src/open.ts', 'src/cli/serve.ts'],
    ['src/cli/serve.ts', 'src/main.ts'],
    ['src/cli/serve.ts', 'src/log/sqlite.ts'],
    ['src/views/sqlite.ts', 'src/log/sqlite.ts'],
    ['src/query/deliveries.ts', 'node:sqlite'],
    ['src/log/sqlite.ts', 'kafkajs'],
    ['src/time.ts', 'test/support/wait.ts'],
  ];
  for (const [path, imported] of wrong) assert.ok(wrongImport(path, imported), `${path} → ${imported}`);
  const right: [string, string][] = [
    ['src/main.ts', 'src/cli/serve.ts'],
    ['src/cli/serve.ts', 'src/open.ts'],
    ['src/open.ts', 'src/log/sqlite.ts'],
    ['src/log/sqlite-schema.ts', 'node:sqlite'],
    ['src/log/sqlite.ts', 'src/log/sqlite-schema.ts'],
    ['src/command/server.ts', 'src/query/lists.ts'],
    ['src/views/views.ts', 'src/log/log.ts'],
    ['src/events.ts', 'src/ids.ts'],
  ];
  for (const [path, imported] of right) assert.equal(wrongImport(path, imported), undefined);
  const text =
    "import type {\n  A,\n} from './a.ts';\nexport * from '../b.ts';\nimport './c.ts';\nawait import('d');\n";
  assert.deepEqual(importsOf('src/log/x.ts', text), ['src/log/a.ts', 'src/b.ts', 'src/log/c.ts', 'd']);
  assert.deepEqual(circle(new Map(Object.entries({ a: ['b'], b: ['c', 'd'], c: [], d: ['b'] }))), [
    'b',
    'd',
    'b',
  ]);
});

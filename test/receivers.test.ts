// The programs of docs/receivers.md, run as they stand there against webhooks that Hooklane has signed. Those whose
// language or library this machine cannot have are skipped by name.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { signature, signingKey } from '../src/dispatch/sign.ts';
import { newSigningSecret } from '../src/secrets.ts';

const DOCUMENT = readFileSync(new URL('../docs/receivers.md', import.meta.url), 'utf8');
/** How long a library may take to be fetched. */
const FETCHED_WITHIN_MS = 110_000;
const GO_LIBRARY = 'github.com/standard-webhooks/standard-webhooks/libraries';

const directory = mkdtempSync(join(tmpdir(), 'receivers-'));
after(() => rmSync(directory, { recursive: true, force: true }));

/** The program in a language, as the document has it. */
function programIn(language: string): string {
  const [, program] = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(DOCUMENT) ?? [];
  assert.ok(program, `docs/receivers.md has no program in ${language}`);
  return program;
}

function succeeds(command: string, args: readonly string[], cwd = directory): boolean {
  const { status } = spawnSync(command, args, { cwd, timeout: FETCHED_WITHIN_MS, stdio: 'ignore' });
  return status === 0;
}

type Prepared = { command: string; args: string[] } | { missing: string };

/** How to run each program, or what is missing. */
const LANGUAGES: Record<string, () => Prepared> = {
  ts() {
    // Beside node_modules, where it finds its library.
    const path = join(import.meta.dirname, `receivers-${process.pid}.ts`);
    writeFileSync(path, programIn('ts'));
    after(() => rmSync(path));
    return { command: process.execPath, args: [path] };
  },
  python() {
    const path = join(directory, 'receiver.py');
    writeFileSync(path, programIn('python'));
    if (!succeeds('python3', ['-m', 'venv', 'venv'])) return { missing: 'python3 with venv' };
    const python = join(directory, 'venv/bin/python');
    const isThere = succeeds(python, ['-m', 'pip', 'install', '--quiet', 'standardwebhooks']);
    return isThere ? { command: python, args: [path] } : { missing: 'the package standardwebhooks of PyPI' };
  },
  go() {
    if (!succeeds('go', ['version'])) return { missing: 'go' };
    const module = join(directory, 'go');
    mkdirSync(module);
    writeFileSync(join(module, 'main.go'), programIn('go'));
    const isBuilt =
      succeeds('go', ['mod', 'init', 'receiver'], module) &&
      succeeds('go', ['get', GO_LIBRARY], module) &&
      succeeds('go', ['build', '-o', 'receiver', '.'], module);
    return isBuilt
      ? { command: join(module, 'receiver'), args: [] }
      : { missing: `the module ${GO_LIBRARY}` };
  },
  ruby() {
    const path = join(directory, 'receiver.rb');
    writeFileSync(path, programIn('ruby'));
    if (!succeeds('ruby', ['--version'])) return { missing: 'ruby' };
    const gems = join(directory, 'gems');
    const isThere = succeeds('gem', ['install', '--no-document', '--install-dir', gems, 'standardwebhooks']);
    const load = `Gem.paths = { 'GEM_PATH' => '${gems}' }; load '${path}'`;
    return isThere ? { command: 'ruby', args: ['-e', load] } : { missing: 'the gem standardwebhooks' };
  },
  bash() {
    const path = join(directory, 'receiver.sh');
    writeFileSync(path, programIn('bash'));
    return succeeds('openssl', ['version']) ? { command: 'bash', args: [path] } : { missing: 'openssl' };
  },
};

const secret = newSigningSecret();
const id = 'wh_01J00000000000000000000000';
const body = '{"id":"evt_1","type":"log.created","data":{"message":"größer 🚀","tags":{}}}';

/** What a program is given; by default a webhook that is right. */
function webhook({ ageS = 0, secrets = [secret] } = {}) {
  const timestamp = Math.floor(Date.now() / 1_000) - ageS;
  const signed = signature(secrets.map(signingKey), id, timestamp, Buffer.from(body));
  return {
    WEBHOOK_SECRET: secret,
    WEBHOOK_ID: id,
    WEBHOOK_TIMESTAMP: String(timestamp),
    WEBHOOK_SIGNATURE: signed,
    body,
  };
}

for (const [language, prepare] of Object.entries(LANGUAGES)) {
  const prepared = prepare();
  const skip = 'missing' in prepared && `${prepared.missing} cannot be had here`;
  suite(`the program in ${language}`, { skip }, () => {
    function verifies({ body: input, ...env }: ReturnType<typeof webhook>): boolean {
      if ('missing' in prepared) throw new Error(prepared.missing);
      const { status, stdout } = spawnSync(prepared.command, prepared.args, {
        input,
        env: { ...process.env, ...env },
        encoding: 'utf8',
        timeout: 30_000,
      });
      assert.equal(stdout.startsWith('verified'), status === 0, stdout);
      return status === 0;
    }

    test('takes a webhook that is right', () => assert.ok(verifies(webhook())));

    test('takes one that two secrets have signed', () => {
      assert.ok(verifies(webhook({ secrets: [newSigningSecret(), secret] })));
    });

    test('refuses another body, id, secret, or one that is too old', () => {
      assert.ok(!verifies({ ...webhook(), body: body.replace('evt_1', 'evt_2') }));
      assert.ok(!verifies({ ...webhook(), WEBHOOK_ID: `${id}1` }));
      assert.ok(!verifies({ ...webhook(), WEBHOOK_SECRET: newSigningSecret() }));
      assert.ok(!verifies(webhook({ ageS: 600 })));
    });
  });
}

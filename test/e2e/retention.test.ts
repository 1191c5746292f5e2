// Retention as operators turn it on, shorten and lengthen it: on a log in which there is something old.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { loadConfig } from '../../src/config.ts';
import { leastId } from '../../src/ids.ts';
import { openLog } from '../../src/open.ts';
import * as facts from '../projections/facts.ts';
import { temporaryDirectory } from '../support/directory.ts';
import { waitFor } from '../support/wait.ts';
import { enginesOf, testOnAllEngines } from './engines.ts';
import { ask, askList, type Environment, type Fields, run, serve, stop } from './hooklane.ts';

const HOUR_MS = 3_600_000;
/** Each look is a command of its own, which connects to the engines. */
const WITHIN_MS = 60_000;

/** Posts that were received so many hours ago, as if Hooklane had been there then. Their ids. */
async function receivedAgo(t: TestContext, directory: string, hours: readonly number[]): Promise<string[]> {
  const env = { HOOKLANE_DATA: directory };
  const [integration] = await askList(t, ['integration', 'list', '--org', 'default'], { env });
  const log = await openLog(loadConfig({ ...env, ...enginesOf(t, directory) }), { serve: false });
  try {
    const received = hours.map((ago) => {
      const receivedAtMs = Date.now() - ago * HOUR_MS;
      const { organizationId, projectId, id } = integration as Record<
        string,
        `org_${string}` & `prj_${string}` & `int_${string}`
      >;
      const body = Buffer.from(JSON.stringify({ message: `${ago} h ago`, detail: 'secret' }));
      const ids = {
        id: `${leastId('in', receivedAtMs)}${'0'.repeat(16)}` as `in_${string}`,
        organizationId,
        projectId,
        integrationId: id,
      };
      return facts.logReceived({ ...ids, receivedAtMs, body } as Parameters<typeof facts.logReceived>[0]);
    });
    await log.append(received);
    return received.map(({ id }) => id);
  } finally {
    await log.close();
  }
}

testOnAllEngines(
  'retention forgets, payloads first; a longer one brings back what the log has',
  async (t) => {
    const directory = temporaryDirectory(t);
    const data = { HOOKLANE_DATA: directory };
    let server = await serve(t, directory);
    const [oldest = '', old = '', young = ''] = await receivedAgo(t, directory, [50, 30, 2]);
    const logs = (env: Environment) => askList(t, ['logs', 'list'], { env });
    await waitFor('three logs', async () => (await logs(data)).length === 3, WITHIN_MS);
    await stop(server);

    const short = { ...data, HOOKLANE_RETENTION: '40h', HOOKLANE_PAYLOAD_RETENTION: '10h' };
    server = await serve(t, directory, { env: short });
    await waitFor('one log to be gone', async () => (await logs(short)).length === 2, WITHIN_MS);
    const shown = (id: string) => ask(t, ['inbound', 'show', id], { env: short });
    assert.deepEqual((await shown(young)).payload, { message: '2 h ago', detail: 'secret' });
    assert.deepEqual([(await shown(old)).payload, (await shown(old)).status], [null, 'processed']);
    const log = await ask(t, ['logs', 'show', old.replace('in_', 'log_')], { env: short });
    assert.deepEqual([log.message, log.extra], ['30 h ago', null]);
    const gone = await run(t, ['inbound', 'show', oldest], { env: short });
    assert.deepEqual([gone.exit, gone.stderr], [1, `hooklane: there is no inbound webhook "${oldest}"\n`]);
    const [group] = await askList(t, ['logs', 'groups'], { env: short });
    assert.ok(group !== undefined);
    const verified = async (env: Environment) => {
      for (const { view, differences } of (await askList(t, ['replay', '--verify'], { env })) as Fields[]) {
        assert.equal(differences, 0, String(view));
      }
    };
    await verified(short);
    await verified(data);
    await stop(server);

    const long = { ...data, HOOKLANE_RETENTION: '60h' };
    server = await serve(t, directory, { env: long });
    await waitFor('three logs again', async () => (await logs(long)).length === 3, WITHIN_MS);
    await waitFor(
      'the payload of the oldest',
      async () => {
        const { exit, stdout } = await run(t, ['inbound', 'show', oldest, '--json'], { env: long });
        return exit === 0 && JSON.parse(stdout).payload !== null;
      },
      WITHIN_MS,
    );
    await verified(long);
    await stop(server);
  },
);

test('a retention of payloads that is longer than that of read models is refused', async (t) => {
  const env = {
    HOOKLANE_DATA: temporaryDirectory(t),
    HOOKLANE_RETENTION: '1d',
    HOOKLANE_PAYLOAD_RETENTION: '2d',
  };
  const { exit, stderr } = await run(t, ['serve'], { env });
  assert.equal(exit, 2);
  assert.match(stderr, /HOOKLANE_PAYLOAD_RETENTION="2d" is more than HOOKLANE_RETENTION; allowed: up to 1d/);
});

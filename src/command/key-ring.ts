// The master keys, as administration sees them: which there are and which are needed, a new one, secrets sealed under it, an
// old one taken out. A key is needed as long as anything is sealed under it that may still be opened: what the directory
// knows, what lanes hold, and what the dispatcher has yet to take in.

import type { OrganizationEvent } from '../events.ts';
import { addMasterKey, KeysRefused, removeMasterKey } from '../key-file.ts';
import type { Log } from '../log/log.ts';
import { NotFound } from '../query/errors.ts';
import { secretsOfLane } from '../sealed.ts';
import { type SecretBox, sealedUnder } from '../secrets.ts';
import type { Clock } from '../time.ts';
import type { Administrator } from './admin/administrator.ts';
import { type ResealStep, resealSecrets, sealedIn } from './admin/reseal.ts';
import type { Directory } from './directory.ts';

/** A master key, without the key. */
export interface KeyShown {
  id: string;
  /** Whether it seals what is made now: the first one does. */
  seals: boolean;
  /** Secrets that are sealed under it. */
  secrets: number;
  /** Whether it is needed still; else it may be taken out. */
  needed: boolean;
}

export interface KeysShown {
  /** Where they come from. */
  source: 'HOOKLANE_MASTER_KEY' | 'master-key';
  items: KeyShown[];
}

export interface KeyRing {
  list(): Promise<KeysShown>;
  /** Makes a key that seals from now on. Rejects with KeysRefused. */
  make(): Promise<KeyShown>;
  /** Seals secrets under it that are sealed under others: a step. Rejects with KeysRefused. */
  reseal(): Promise<ResealStep>;
  /** Takes one out for ever. Rejects with NotFound, and with KeysRefused. */
  remove(id: string): Promise<void>;
}

export interface KeyRingOptions {
  log: Pick<Log, 'read' | 'positions' | 'served'>;
  directory: Directory;
  administrator: Administrator;
  secrets: SecretBox;
  clock: Clock;
  /** The file that keys are kept in; undefined: they come from the environment. */
  file: string | undefined;
  /** Whether several processes may serve at a time, each with keys of its own. */
  isCluster: boolean;
  /** Whether this process serves, or is a command. */
  isServing: boolean;
}

/** The events that bring a secret into a lane. */
const BRING_SECRETS = [
  'OrganizationCreated',
  'OrganizationSecretRotated',
  'SecretsResealed',
  'EndpointCreated',
  'EndpointSecretRotated',
  'LaneImported',
] as const;

export function createKeyRing(options: KeyRingOptions): KeyRing {
  const { log, directory, administrator, secrets, clock, file, isCluster, isServing } = options;

  async function list(): Promise<KeysShown> {
    await directory.refresh();
    secrets.refresh();
    const nowMs = clock();
    const counts = new Map<string, number>();
    for (const { sealed } of sealedIn(directory.state, nowMs)) {
      const id = sealedUnder(sealed);
      counts.set(id, (counts.get(id) ?? 0) + 1);
    }
    // What is taken in meanwhile is then seen twice, never not at all.
    const dispatched = [...(await toDispatch()), ...(await inLanes(nowMs))];
    const needed = new Set([...counts.keys(), ...dispatched.map(sealedUnder)]);
    const items = secrets.keyIds.map((id, i) => {
      const seals = i === 0;
      return { id, seals, secrets: counts.get(id) ?? 0, needed: seals || needed.has(id) };
    });
    return { source: file === undefined ? 'HOOKLANE_MASTER_KEY' : 'master-key', items };
  }

  /** What the dispatcher has not taken in. */
  async function toDispatch(): Promise<string[]> {
    const from = { ...(await log.positions('dispatcher', 'organizations')) };
    const sealed: string[] = [];
    for await (const { events } of log.read('organizations', { from, types: BRING_SECRETS }))
      for (const { event } of events) sealed.push(...broughtBy(event));
    return sealed;
  }

  async function inLanes(nowMs: number): Promise<string[]> {
    const sealed: string[] = [];
    for await (const { events } of log.read('lanes', { types: ['LaneSaved'] })) {
      for (const { event } of events) {
        if (event.type === 'LaneSaved') sealed.push(...secretsOfLane(event, nowMs));
      }
    }
    return sealed;
  }

  /** Throws KeysRefused where a server runs whose keys are not those of this process. */
  async function ensureAlone(): Promise<void> {
    const shares = isServing || (file !== undefined && !isCluster);
    if (shares || !(await log.served())) return;
    throw new KeysRefused(
      isCluster
        ? 'processes serve this log, and each has master keys of its own: ask one of them (--url) when all have been started ' +
            'with the new key, or stop them all'
        : 'a server runs, which may have been started with other master keys: ask it (--url), or stop it',
    );
  }

  return {
    list,
    async make() {
      if (file === undefined) {
        throw new KeysRefused(
          'the master keys come from HOOKLANE_MASTER_KEY: put a new one before them there, with a comma between, and start ' +
            'all processes with it',
        );
      }
      if (isCluster && (await log.served())) {
        throw new KeysRefused(
          'several processes may serve this log, each with a file master-key of its own: stop them all first, and give the new ' +
            'file to each; or set HOOKLANE_MASTER_KEY',
        );
      }
      const left = (await list()).items.find(({ seals, secrets: count }) => !seals && count > 0);
      if (left !== undefined)
        throw new KeysRefused(
          `${left.secrets} secrets are sealed under ${left.id} still: seal them anew first`,
        );
      const id = addMasterKey(file);
      secrets.refresh();
      return { id, seals: true, secrets: 0, needed: true };
    },
    async reseal() {
      await ensureAlone();
      secrets.refresh();
      return administrator.run(resealSecrets);
    },
    async remove(id) {
      if (file === undefined)
        throw new KeysRefused('the master keys come from HOOKLANE_MASTER_KEY: take it out there');
      const key = (await list()).items.find((one) => one.id === id);
      if (key === undefined) throw new NotFound('master key', id);
      if (key.needed && !key.seals) {
        throw new KeysRefused(
          `${id} is needed still: seal all secrets anew, and let the dispatcher take that in (start the server)`,
        );
      }
      removeMasterKey(file, id);
    },
  };
}

/** The secrets that a lane gets by an event, sealed. */
function broughtBy(event: OrganizationEvent): string[] {
  if (event.type === 'LaneImported') {
    const { secret, endpoints } = event;
    const sealed = endpoints.flatMap((of) => [
      of.secret,
      ...of.previousSecrets.map((previous) => previous.secret),
    ]);
    return secret === null ? sealed : [secret, ...sealed];
  }
  if (event.type === 'SecretsResealed') return Object.values(event.secrets);
  return 'secret' in event ? [event.secret] : [];
}

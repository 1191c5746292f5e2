// Each trigger has become one webhook for each endpoint that heard of it, in the order of the log.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OrganizationEvent } from '../../src/events.ts';
import {
  endpointChanged,
  endpointCreated,
  eventPublished,
  id,
  logReceived,
  logRecorded,
  omitted,
  organizationCreated,
  scheduled,
} from '../projections/facts.ts';
import { found, judge } from './history.ts';

const { organizationId } = organizationCreated();
const own = { organizationId, atMs: 0 };
const first = endpointCreated({ events: ['order.*'] });
const second = endpointCreated({ endpointId: id('ep', 2), events: ['*'] });
const deaf = endpointCreated({ endpointId: id('ep', 3), events: ['log.*'] });
const about = { eventId: id('evt'), kind: 'order.paid' };
const toFirst = scheduled({ ...about, endpointId: id('ep') });
const toSecond = omitted({ ...about, endpointId: id('ep', 2), webhookId: id('wh', 2) });
const toDeaf = scheduled({ ...about, endpointId: id('ep', 3), webhookId: id('wh', 3) });
const organizations: OrganizationEvent[] = [organizationCreated(), first, second, deaf, eventPublished()];

test('one for each endpoint that subscribes, scheduled or omitted, is as it must be', async () => {
  const history = { organizations, outbound: [toFirst, toSecond] };
  const { findings, checks, open } = await judge(history);
  assert.deepEqual(findings, []);
  assert.deepEqual(
    ['webhooks', 'order'].map((check) => checks.find(({ name }) => name === check)?.checked),
    [2, 2],
  );
  assert.deepEqual([open.pending, open.toDispatch], [1, 0]);
});

test('one that is missing is found; of what the dispatcher has not taken in it is counted', async () => {
  const missing = `webhooks: ${id('evt')} (order.paid) has become no webhook for ${id('ep', 2)}, which subscribed to it`;
  assert.deepEqual(await found({ organizations, outbound: [toFirst] }), [missing]);
  const { findings, open } = await judge({ organizations, outbound: [toFirst] }, { positions: 4 });
  assert.deepEqual([findings, open.toDispatch], [[], 1]);
});

test('a dispatcher that has lost its position is known to have come as far as what it has made', async () => {
  const later = eventPublished({ eventId: id('evt', 9) });
  const outbound = [
    toFirst,
    scheduled({ eventId: id('evt', 9), webhookId: id('wh', 8) }),
    scheduled({ eventId: id('evt', 9), webhookId: id('wh', 9), endpointId: id('ep', 2) }),
  ];
  const all = await found({ organizations: [...organizations, later], outbound }, { positions: 0 });
  assert.equal(all.length, 1);
  assert.match(String(all), /evt_\w+0 \(order.paid\) has become no webhook/);
});

test('a second one, one for who did not subscribe, and one of nothing are found', async () => {
  const outbound = [toFirst, toSecond];
  const again = { ...toFirst, webhookId: id('wh', 4) };
  assert.deepEqual(await found({ organizations, outbound: [...outbound, again] }), [
    `webhooks: ${id('wh', 4)} is not the first webhook that tells ${id('ep')} of ${id('evt')} (order.paid)`,
  ]);
  assert.deepEqual(await found({ organizations, outbound: [...outbound, toDeaf] }), [
    `webhooks: ${id('wh', 3)} tells ${id('ep', 3)} of ${id('evt')} (order.paid), to which it did not subscribe then`,
  ]);
  const ofNothing = scheduled({ eventId: id('evt', 5), webhookId: id('wh', 5) });
  assert.deepEqual(await found({ organizations, outbound: [...outbound, ofNothing] }), [
    `webhooks: ${id('wh', 5)} tells ${id('ep')} of ${id('evt', 5)} (log.created), which is no trigger in the log`,
  ]);
});

test('who hears is decided in the order of the log', async () => {
  const endpointId = id('ep');
  const changes: [OrganizationEvent, before: number, after: number][] = [
    [endpointChanged({ events: [] }), 1, 0],
    [endpointChanged({ endpointId: id('ep', 3), events: ['order.*'] }), 0, 1],
    [{ type: 'EndpointDeleted', ...own, endpointId }, 1, 0],
    [{ type: 'OrganizationDeleted', ...own }, 2, 0],
    [endpointChanged({ status: 'disabled', events: ['order.*'] }), 0, 0],
  ];
  for (const [change, before, after] of changes) {
    const trigger = organizations.slice(-1);
    const rest = organizations.slice(0, -1);
    const missed = await found({ organizations: [...rest, ...trigger, change] });
    assert.equal(missed.length, 2, 'before the change, two hear');
    const changed = await found({ organizations: [...rest, change, ...trigger] });
    assert.equal(changed.length, 2 - before + after, change.type);
  }
});

test('a test is heard of by its endpoint alone, whatever it subscribes to', async () => {
  const ids = { endpointId: id('ep', 3), webhookId: id('wh', 3), eventId: id('evt', 7) };
  const asked: OrganizationEvent = { type: 'EndpointTestRequested', ...own, ...ids };
  const all = [organizationCreated(), first, second, deaf, asked];
  const webhook = scheduled({ ...ids, kind: 'endpoint.test' });
  assert.deepEqual(await found({ organizations: all, outbound: [webhook] }), []);
  assert.equal((await found({ organizations: all })).length, 1);
});

test('a log that is recorded again is the same trigger; another event under a used id is found', async () => {
  const inbound = [logReceived()];
  const recorded = [organizationCreated(), logRecorded(), deaf, logRecorded()];
  assert.deepEqual(await found({ inbound, organizations: recorded }), [], 'nobody subscribed the first time');
  const twice = [...organizations, eventPublished()];
  assert.deepEqual(await found({ organizations: twice, outbound: [toFirst, toSecond] }), [
    `ids: ${id('evt')} is the id of two triggers; the second is EventPublished`,
  ]);
});

test('what took effect out of order is found', async () => {
  const later = { eventId: id('evt', 6), kind: 'order.paid' };
  const all = [organizationCreated(), first, eventPublished(), eventPublished(later)];
  const laterWebhook = scheduled({ ...later, webhookId: id('wh', 6) });
  assert.deepEqual(await found({ organizations: all, outbound: [toFirst, laterWebhook] }), []);
  assert.deepEqual(await found({ organizations: all, outbound: [laterWebhook, toFirst] }), [
    `order: ${id('wh')} tells of ${id('evt')} at offset 2 of topic organizations, and came to be after what tells of offset 3`,
  ]);
});

test('until an import has ended, what came before is not missed', async () => {
  const mark = { ...own, importId: 'f' };
  const begun: OrganizationEvent[] = [
    { type: 'OrganizationImportStarted', ...mark, runId: 'r' },
    ...organizations,
  ];
  const { findings, open } = await judge({ organizations: begun });
  assert.deepEqual([findings, open.toDispatch], [[], 2]);
  const ended: OrganizationEvent[] = [...begun, { type: 'OrganizationImportEnded', ...mark }];
  assert.equal((await found({ organizations: ended })).length, 2);
  const seen = await judge({ organizations: ended }, { positions: begun.length });
  assert.deepEqual(seen.findings, [], 'its end came after we had looked how far the dispatcher was');
});

test('what may have been pruned is not missed', async () => {
  const horizonMs = Date.UTC(2027, 0, 1);
  assert.deepEqual(await found({ organizations }, { horizonMs }), []);
  assert.deepEqual(await found({ outbound: [toFirst] }, { horizonMs }), []);
});

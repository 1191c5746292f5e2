// What lanes take of the heap of a dispatcher that lets none of them go. Usage: node --expose-gc lane-memory.ts DIRECTORY LANES.
// A real log in the empty directory and a real dispatcher that takes in so many organizations with an endpoint each, to none of
// which anything is sent. Prints how many bytes such a lane takes.

import pino from 'pino';
import { loadConfig } from '../src/config.ts';
import { createDestinations } from '../src/destinations.ts';
import { startDispatcher } from '../src/dispatch/dispatcher.ts';
import { createSender } from '../src/dispatch/send.ts';
import { createTransport } from '../src/dispatch/transport.ts';
import { openSqliteLog } from '../src/log/sqlite.ts';
import { createSecretBox } from '../src/secrets.ts';
import { processTime } from '../src/time.ts';
import { heapBytes } from './heap.ts';
import { populate, workedOff } from './population.ts';

const [directory = '', lanes = '0'] = process.argv.slice(2);
const count = Number(lanes);
const log = openSqliteLog({ directory, serve: true });
const time = processTime();
const logger = pino({ level: 'warn' });
const secrets = createSecretBox([Buffer.alloc(32, 1)]);
const destinations = createDestinations({ allowAddresses: [], httpsOnly: true });
const transport = createTransport(destinations, loadConfig({}));
const sender = createSender({ secrets, time, transport, destinations });
const dispatcher = startDispatcher({
  ...{ log, sender, time, logger },
  skewMs: 0,
  disableAfterMs: Number.POSITIVE_INFINITY,
  quietLanes: Number.POSITIVE_INFINITY,
});
const settings = { gapMs: 5_000, whenBusy: 'omit', maxQueued: 100, events: ['log.*'] } as const;
const url = (index: number) => `https://hooks${index}.example.com/hooklane`;
const population = { log, secrets, url, settings: { ...settings, events: ['log.*'] } };

// So that what is made once is there before.
await populate({ ...population, count: 100 });
await workedOff(log, 'dispatcher', 'organizations');
const before = heapBytes();
await populate({ ...population, count });
await workedOff(log, 'dispatcher', 'organizations');
const laneBytes = (heapBytes() - before) / count;
await dispatcher.close(0);
await log.close();
process.stdout.write(`${laneBytes}\n`);

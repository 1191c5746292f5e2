// What runs in the projector's thread (see projector-thread.ts): says when it is ready, ends when it is told to.

import { once } from 'node:events';
import { parentPort, workerData } from 'node:worker_threads';
import { openLog, openViews } from '../open.ts';
import { projections } from '../projections/all.ts';
import { startProjector } from '../projections/projector.ts';
import { startRenewal } from '../projections/renewal.ts';
import { startSweeper } from '../projections/sweeper.ts';
import { processTime } from '../time.ts';
import { giveWay } from './give-way.ts';
import { giveBackWhenIdle } from './idle-memory.ts';
import { createLogger } from './logger.ts';
import type { ProjectorThreadData } from './projector-thread.ts';

/** A third of the time that a thread which answers would get beside it, on one core. */
const NICER = 5;

if (parentPort === null) throw new Error('to be run as a thread of the server');
giveWay(NICER);
const { config, logLevel }: ProjectorThreadData = workerData;
const logger = createLogger(logLevel);
giveBackWhenIdle(logger);

const log = await openLog(config, { serve: false });
const views = await openViews(config);
const options = { log, views, projections, logger, time: processTime() };
const projector = startProjector(options);
const renewal = startRenewal(options);
const sweeper = startSweeper(options);
parentPort.postMessage('ready');
const failed = renewal.ended.then(() => projector.ended);
await Promise.race([once(parentPort, 'message'), projector.ended, sweeper.ended, failed]);
await sweeper.close();
await renewal.close();
await projector.close();
await views.close();
await log.close();
parentPort.close();

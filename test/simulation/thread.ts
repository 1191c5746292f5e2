// A simulation in a thread of its own: the test runner follows every promise in its own thread, which makes a simulation
// three times slower.

import { parentPort, Worker, workerData } from 'node:worker_threads';
import { type Report, type SimulationOptions, simulate } from './simulation.ts';

if (parentPort !== null) parentPort.postMessage(await simulate(workerData));

/** Runs a simulation beside whoever asks. */
export function simulateAside(options: SimulationOptions): Promise<Report> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: options, execArgv: [] });
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', () => reject(new Error('the simulation ended without a report')));
  });
}

// What endpoints that hang do to the others: of 1,000 endpoints 50 never answer. Measured is the time from the publishing
// of an event to its arrival at the endpoints that do, with the 50 disabled and with the 50 enabled. All are on one host, whose
// requests are bounded together: each that hangs holds one of them.

import type { Asked } from './asked.ts';
import type { Site } from './deployment.ts';
import { unlimited } from './measures.ts';
import { startHooklane } from './processes.ts';
import { startBenchReceiver } from './receiver.ts';
import { type Measure, percentile } from './rows.ts';

const ORGANIZATIONS = 20;
const ENDPOINTS = 50;
/** Of the endpoints of an organization. */
const HANGING = ENDPOINTS * 0.05;
const EVENTS = 200;
const EVERY_MS = 100;

export async function measureIsolation(site: Site, asked: Asked): Promise<Measure[]> {
  const receiver = await startBenchReceiver();
  const hooklane = await startHooklane(site);
  const organizations: string[] = [];
  const hanging: string[] = [];
  for (let n = 0; n < ORGANIZATIONS; n++) {
    const { organizationId } = await unlimited(hooklane, `bench ${n}`);
    organizations.push(organizationId);
    for (let i = 0; i < ENDPOINTS; i++) {
      // 2.5 of each 50: three here, two there.
      const hangs = i < (n % 2 === 0 ? Math.ceil(HANGING) : Math.floor(HANGING));
      const url = `${receiver.url}${hangs ? 'hang' : 'ok'}/${n}/${i}`;
      const settings = { url, events: ['*'], gap: '0s', retries: [] };
      const { id = '' } = await hooklane.admin(`/organizations/${organizationId}/endpoints`, settings);
      if (hangs) hanging.push(id);
    }
  }
  const setHanging = async (status: 'active' | 'disabled') => {
    for (const id of hanging) await hooklane.admin(`/endpoints/${id}`, { status }, 'PATCH');
  };

  const events = ORGANIZATIONS * asked.count(EVENTS / ORGANIZATIONS);
  async function latencies(): Promise<number[]> {
    const publishedMs: number[] = [];
    const latenciesMs: number[] = [];
    receiver.onArrival = (body, path) => {
      if (path.startsWith('/hang')) return;
      latenciesMs.push(performance.now() - (publishedMs[JSON.parse(body).data.index] ?? Number.NaN));
    };
    const healthy = (events / ORGANIZATIONS) * (ORGANIZATIONS * ENDPOINTS - hanging.length);
    for (let index = 0; index < events; index++) {
      publishedMs[index] = performance.now();
      const organization = organizations[index % ORGANIZATIONS];
      await hooklane.admin(`/organizations/${organization}/events`, { kind: 'log.bench', data: { index } });
      await new Promise((resolve) => setTimeout(resolve, EVERY_MS));
    }
    while (latenciesMs.length < healthy) await new Promise((resolve) => setTimeout(resolve, 50));
    return latenciesMs.sort((a, b) => a - b);
  }

  await setHanging('disabled');
  await latencies();
  const without = percentile(await latencies(), 0.99);
  await setHanging('active');
  const value = percentile(await latencies(), 0.99);
  await hooklane.stop();
  receiver.stop();
  const beside = { name: 'with those 50 disabled', value: without };
  return [{ name: 'event to delivery, p99, 50 of 1,000 endpoints hanging', value, unit: 'ms', beside }];
}

// Logs: any JSON object. What its fields mean is for the recorder to find out.

import type { InboundResource } from './resource.ts';

export const logs: InboundResource = { path: 'logs', event: 'LogReceived', schema: { type: 'object' } };

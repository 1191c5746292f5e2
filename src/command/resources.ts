// The inbound resources. Another one is one file in resources/ and one line here.

import { deploys } from './resources/deploys.ts';
import { logs } from './resources/logs.ts';
import type { InboundResource } from './resources/resource.ts';

export const inboundResources: readonly InboundResource[] = [logs, deploys];

// The settings of integrations and endpoints, taken out of what carries them beside other things.

import type { EndpointSettings, IntegrationSettings } from './events.ts';

/** The settings of an integration, and nothing else. */
export function integrationSettings(from: IntegrationSettings): IntegrationSettings {
  const { name, origins, burst, sustained, status } = from;
  return { name, origins, burst, sustained, status };
}

/** The settings of an endpoint, and nothing else. */
export function endpointSettings(from: EndpointSettings): EndpointSettings {
  const { url, events, gapMs, timeoutMs, whenBusy, retriesMs, status, disabledReason } = from;
  return { url, events, gapMs, timeoutMs, whenBusy, retriesMs, status, disabledReason };
}

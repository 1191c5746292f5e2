// The settings of integrations and endpoints: taken out of what carries them beside other things, and as users see them.

import type { EndpointSettings, IntegrationSettings } from './events.ts';
import { shared } from './shared.ts';
import { formatDuration } from './time.ts';

/** Why an endpoint is disabled that somebody has disabled, without a reason of his own; all others are ours. */
export const BY_OPERATOR = 'by an operator';

/** The settings of an integration, and nothing else. */
export function integrationSettings(from: IntegrationSettings): IntegrationSettings {
  const { name, origins, burst, sustained, status } = from;
  return { name, origins, burst, sustained, status };
}

/** The settings of an endpoint, and nothing else. */
export function endpointSettings(from: EndpointSettings): EndpointSettings {
  const { url, events, gapMs, timeoutMs, whenBusy, maxQueued, retriesMs, status, disabledReason } = from;
  return { url, events, gapMs, timeoutMs, whenBusy, maxQueued, retriesMs, status, disabledReason };
}

/** The same for who keeps them of hundreds of thousands of integrations. Lists may not be changed. */
export function keptIntegrationSettings(from: IntegrationSettings): IntegrationSettings {
  const { origins, burst, sustained, status } = from;
  // Those that there are mostly differ.
  const alike = { origins: origins.length === 0 ? shared(origins) : origins, status: shared(status) };
  return { ...integrationSettings(from), ...alike, burst: shared(burst), sustained: shared(sustained) };
}

/** The same for who keeps them of hundreds of thousands of endpoints. Lists may not be changed. */
export function keptEndpointSettings(from: EndpointSettings): EndpointSettings {
  const { events, whenBusy, retriesMs, status } = from;
  const alike = { events: shared(events), whenBusy: shared(whenBusy), retriesMs: shared(retriesMs) };
  return { ...endpointSettings(from), ...alike, status: shared(status) };
}

/** The settings of an endpoint as users see them, durations as text. */
export function shownEndpointSettings(settings: EndpointSettings) {
  const { gapMs, timeoutMs, retriesMs, url, events, whenBusy, maxQueued, status, disabledReason } = settings;
  return {
    url,
    events,
    gap: formatDuration(gapMs),
    timeout: formatDuration(timeoutMs),
    whenBusy,
    maxQueued,
    retries: retriesMs.map(formatDuration),
    status,
    disabledReason,
  };
}

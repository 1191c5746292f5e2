// The settings of integrations and endpoints: taken out of what carries them beside other things, and as users see them.

import type { EndpointSettings, IntegrationSettings } from './events.ts';
import { formatDuration } from './time.ts';

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

// What rotation makes of sealed secrets, for all who follow it: the lane, which signs with them, and the directory, which
// knows which master key is needed still. Pure.

import type { EndpointSecretRotated, PreviousSecret, SecretsResealed } from './events.ts';

/** Secrets before the newest one that may sign at a time. */
const MAX_PREVIOUS_SECRETS = 5;

/** The signing secrets of an endpoint, sealed. */
export interface SigningSecrets {
  secret: string;
  /** Those before it that still sign, the newest first. */
  previousSecrets: readonly PreviousSecret[];
}

/** What an endpoint begins with; all share it, and nobody changes it. */
export const NO_SECRETS: readonly PreviousSecret[] = Object.freeze([]);

/** Gives an endpoint a new secret. */
export function rotate(endpoint: SigningSecrets, event: EndpointSecretRotated): void {
  const { secret, previousUntilMs, atMs } = event;
  const before = [{ secret: endpoint.secret, untilMs: previousUntilMs ?? atMs }, ...endpoint.previousSecrets];
  // To end the one before at once is to end all of them: somebody has got hold of it.
  const valid = previousUntilMs === null ? [] : before.filter(({ untilMs }) => untilMs > atMs);
  endpoint.previousSecrets = valid.slice(0, MAX_PREVIOUS_SECRETS);
  endpoint.secret = secret;
}

/** The secrets that sign at `nowMs`, the newest first. */
export function signingSecretsOf({ secret, previousSecrets }: SigningSecrets, nowMs: number): string[] {
  return [secret, ...unexpired(previousSecrets, nowMs).map((previous) => previous.secret)];
}

/** What a lane has of secrets, sealed, as it is in memory or as its record. */
export interface LaneSecrets {
  /** That of the organization. */
  secret: string | null;
  endpoints: { values(): Iterable<SigningSecrets> };
}

/** All of them at `nowMs`: that of its organization, and those that sign. */
export function* secretsOfLane({ secret, endpoints }: LaneSecrets, nowMs: number): Generator<string> {
  if (secret !== null) yield secret;
  for (const endpoint of endpoints.values()) yield* signingSecretsOf(endpoint, nowMs);
}

/** Those that sign still at `nowMs`. Nobody need be able to open the others: their master key may be gone. */
export function unexpired(previous: readonly PreviousSecret[], nowMs: number): PreviousSecret[] {
  return previous.filter(({ untilMs }) => untilMs > nowMs);
}

/**
 * Puts secrets that were sealed anew in the place of what they were before, in an organization and its endpoints. A secret
 * that is none of them stays: it was rotated meanwhile.
 */
export function reseal(
  organization: { secret: string | null },
  endpoints: Iterable<SigningSecrets>,
  { secrets }: SecretsResealed,
): void {
  const after = new Map(Object.entries(secrets));
  const anew = (secret: string) => after.get(secret) ?? secret;
  if (organization.secret !== null) organization.secret = anew(organization.secret);
  for (const endpoint of endpoints) {
    endpoint.secret = anew(endpoint.secret);
    if (endpoint.previousSecrets.length === 0) continue;
    endpoint.previousSecrets = endpoint.previousSecrets.map(({ secret, untilMs }) => ({
      secret: anew(secret),
      untilMs,
    }));
  }
}

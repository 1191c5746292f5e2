// Rate limits: where they are counted, and whether that is there.

import { type Config, withoutPassword } from '../../config.ts';
import { lookAtLimits } from '../../open.ts';
import { type Check, checksOf, reasonOf } from './check.ts';

const { ok, warning } = checksOf('rate limits');

/** Looks for the Redis that is configured. That it is away keeps nothing from working: each process counts alone. */
export async function examineLimits(config: Config): Promise<Check> {
  const name = 'redis';
  const { redis } = config;
  if (redis === undefined) return ok(name, 'posts are counted in each process: HOOKLANE_REDIS is not set');
  const where = withoutPassword(redis);
  try {
    return ok(name, `posts are counted in Redis ${await lookAtLimits(config)} at ${where}`);
  } catch (error) {
    return warning(
      name,
      `${where} cannot be used, so each process counts posts alone: ${reasonOf(error)}`,
      'start Redis, or set HOOKLANE_REDIS to where it is, with its user and password',
    );
  }
}

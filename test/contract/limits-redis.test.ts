import { pino } from 'pino';
import { createRedisLimits } from '../../src/limits/redis.ts';
import { missing, redisUrl, uniquePrefix } from '../support/engines.ts';
import { limitsContract } from './limits.ts';

limitsContract('Redis', {
  skip: missing('redis'),
  newLimits: async () => {
    const options = { url: redisUrl ?? '', prefix: uniquePrefix(), logger: pino({ level: 'silent' }) };
    return () => createRedisLimits(options);
  },
});

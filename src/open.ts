// Config to engines: the only file that knows which engines exist. Clients of other machines are loaded where they are used:
// together they take a quarter of the time that a process needs to start.

import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { Limits } from './limits/limits.ts';
import { createMemoryLimits } from './limits/memory.ts';
import type { Log, LogLook } from './log/log.ts';
import { openSqliteLog } from './log/sqlite.ts';
import { hasLogFile } from './log/sqlite-file.ts';
import { projections } from './projections/all.ts';
import { MAX_SKEW_MS } from './time.ts';
import { openSqliteViews } from './views/sqlite.ts';
import { lookAtViewsFile } from './views/sqlite-file.ts';
import type { Views, ViewsLook } from './views/views.ts';

/** Opens the log. To `serve` it is to work it off. Rejects with LogRefused, or LogUnavailable. */
export async function openLog(config: Config, { serve }: { serve: boolean }): Promise<Log> {
  const { dataDirectory: directory, partitions, topicPrefix: prefix, bodyBytes } = config;
  if (config.log !== 'sqlite') {
    const { openKafkaLog } = await import('./log/kafka.ts');
    return openKafkaLog({ ...config.log, prefix, partitions, bodyBytes });
  }
  const options = { directory, serve, thread: serve };
  return openSqliteLog({ ...options, ...(partitions === undefined ? {} : { partitions }) });
}

/** Opens the store of read models. Rejects with ViewsRefused. */
export async function openViews(config: Config): Promise<Views> {
  const definitions = projections.map(({ definition }) => definition);
  const { views, dataDirectory: directory, retention } = config;
  if (views !== 'sqlite') {
    const { openMongoViews } = await import('./views/mongo.ts');
    return openMongoViews({ url: views.url, definitions, retention });
  }
  return openSqliteViews({ directory, definitions, retention });
}

/** Counts of rate limits: across processes where there is a Redis. It need not be there. */
export async function openLimits({ redis, topicPrefix: prefix }: Config, logger: Logger): Promise<Limits> {
  if (redis === undefined) return createMemoryLimits();
  const { createRedisLimits } = await import('./limits/redis.ts');
  return createRedisLimits({ url: redis, prefix, logger });
}

/** The version of the Redis that counts; undefined: none is to. Rejects with RedisUnavailable. */
export async function lookAtLimits({ redis }: Config): Promise<string | undefined> {
  if (redis === undefined) return undefined;
  const { lookAtRedis } = await import('./limits/redis.ts');
  return lookAtRedis(redis);
}

/** What can be told of the log without making it; undefined on SQLite: there is no log yet. */
export async function lookAtLog({ log, ...config }: Config): Promise<LogLook | 'file' | undefined> {
  if (log !== 'sqlite') {
    const [{ clientFor }, { lookAtKafka }] = await Promise.all([
      import('./log/kafka-client.ts'),
      import('./log/kafka-look.ts'),
    ]);
    return lookAtKafka(clientFor(log).admin(), { ...log, prefix: config.topicPrefix });
  }
  return hasLogFile(config.dataDirectory) ? 'file' : undefined;
}

/** What can be told of the store of read models without making or changing it. Rejects with ViewsRefused, or ViewsUnavailable. */
export async function lookAtViews({ views, dataDirectory }: Config): Promise<ViewsLook> {
  if (views === 'sqlite') return lookAtViewsFile(dataDirectory);
  const [{ connect }, { lookAtMongo }] = await Promise.all([
    import('./views/mongo-client.ts'),
    import('./views/mongo-look.ts'),
  ]);
  return lookAtMongo(views.url, connect);
}

/** Where the log and the read models are, for people. */
export function whereStores({ log, views, dataDirectory }: Config): string {
  const inKafka = log === 'sqlite' ? dataDirectory : `Kafka at ${log.brokers.join(',')}`;
  return views === 'sqlite' ? inKafka : `${inKafka} and ${withoutLogin(views.url)}`;
}

/** By how much the clocks differ of those who may own a partition one after the other. */
export function skewMs({ log }: Config): number {
  return log === 'sqlite' ? 0 : MAX_SKEW_MS;
}

function withoutLogin(url: string): string {
  return url.replace(/\/\/.*@/, '//').replace(/\?.*$/, '');
}

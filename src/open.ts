// Config to engines: the only file that knows which engines exist.

import type { Config } from './config.ts';
import { openKafkaLog } from './log/kafka.ts';
import type { Log } from './log/log.ts';
import { openSqliteLog } from './log/sqlite.ts';
import { projections } from './projections/all.ts';
import { openMongoViews } from './views/mongo.ts';
import { openSqliteViews } from './views/sqlite.ts';
import type { Views } from './views/views.ts';

/** Opens the log. To `serve` it is to work it off. Rejects with LogRefused, or LogUnavailable. */
export async function openLog(config: Config, { serve }: { serve: boolean }): Promise<Log> {
  const { dataDirectory: directory, partitions, topicPrefix: prefix } = config;
  if (config.log !== 'sqlite') return openKafkaLog({ ...config.log, prefix, partitions });
  return openSqliteLog({ directory, serve, ...(partitions === undefined ? {} : { partitions }) });
}

/** Opens the store of read models. Rejects with ViewsRefused. */
export async function openViews(config: Config): Promise<Views> {
  const definitions = projections.map(({ definition }) => definition);
  if (config.views !== 'sqlite') return openMongoViews({ url: config.views.url, definitions });
  return openSqliteViews({ directory: config.dataDirectory, definitions });
}

/** Where the log and the read models are, for people. */
export function whereStores({ log, views, dataDirectory }: Config): string {
  const inKafka = log === 'sqlite' ? dataDirectory : `Kafka at ${log.brokers.join(',')}`;
  return views === 'sqlite' ? inKafka : `${inKafka} and ${withoutLogin(views.url)}`;
}

/** By how much the clocks of hosts may differ that own a partition one after the other. */
const HOSTS_SKEW_MS = 2_000;

/** By how much the clocks differ of those who may own a partition one after the other. */
export function skewMs({ log }: Config): number {
  return log === 'sqlite' ? 0 : HOSTS_SKEW_MS;
}

function withoutLogin(url: string): string {
  return url.replace(/\/\/.*@/, '//').replace(/\?.*$/, '');
}

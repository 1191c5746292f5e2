// Logs on Kafka as tests open them: closed when the test has ended.

import type { TestContext } from 'node:test';
import { parseKafkaUrl } from '../../src/kafka-url.ts';
import { type KafkaLogOptions, openKafkaLog } from '../../src/log/kafka.ts';
import type { Log } from '../../src/log/log.ts';
import { kafkaUrl } from '../support/engines.ts';

/** A dead member is missed after so long: the least that the tests' brokers allow, so that takeovers are quick. */
const SESSION_MS = 1_000;

type Options = Partial<KafkaLogOptions> & { url?: string | undefined; prefix: string };

/** Opens a log on the run's broker, or on that at `url`. */
export async function openLog(t: Pick<TestContext, 'after'>, options: Options): Promise<Log> {
  const log = await openKafkaLog(optionsOf(options));
  t.after(() => log.close());
  return log;
}

function optionsOf({ url = kafkaUrl, ...options }: Options): KafkaLogOptions {
  const parsed = parseKafkaUrl(url ?? '');
  if (parsed === undefined) throw new Error(`not the URL of a broker: ${url}`);
  return {
    brokers: parsed.brokers,
    tls: undefined,
    sasl: undefined,
    replication: undefined,
    retentionMs: undefined,
    sessionMs: SESSION_MS,
    partitions: undefined,
    bodyBytes: 256 * 1024,
    ...options,
  };
}

import { openLog } from '../log/kafka-open.ts';
import { missing, uniquePrefix } from '../support/engines.ts';
import { logContract } from './log.ts';

logContract('Kafka', {
  persistent: true,
  ownsAtOnce: false,
  knowsSizes: true,
  prunes: false,
  missing: missing('kafka'),
  newLog(t, partitions) {
    const prefix = uniquePrefix();
    return () => openLog(t, { prefix, partitions });
  },
});

import { openLog } from '../log/kafka-open.ts';
import { startBroker } from '../support/broker.ts';
import { missing, missingOwn, uniquePrefix } from '../support/engines.ts';
import { logContract } from './log.ts';

logContract('Kafka', {
  persistent: true,
  ownsAtOnce: false,
  knowsSizes: true,
  prunes: false,
  looksUp: false,
  missing: missing('kafka'),
  newLog(t, partitions) {
    const prefix = uniquePrefix();
    return () => openLog(t, { prefix, partitions });
  },
  stalling: {
    missing: missingOwn('kafka'),
    async newLog(t) {
      const broker = await startBroker(t);
      const prefix = uniquePrefix();
      return {
        open: () => openLog(t, { url: broker.url, prefix, partitions: 1, sessionMs: 60_000 }),
        stall: async () => broker.signal('SIGSTOP'),
        resume: async () => broker.signal('SIGCONT'),
      };
    },
  },
});

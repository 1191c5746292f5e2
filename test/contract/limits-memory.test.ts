import { createMemoryLimits } from '../../src/limits/memory.ts';
import { limitsContract } from './limits.ts';

limitsContract('memory', {
  newLimits: async () => {
    const limits = createMemoryLimits();
    return () => limits;
  },
});

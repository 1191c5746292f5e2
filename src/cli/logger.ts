// Hooklane's own messages: JSON lines on stderr, so that stdout is left to what a command has to say.

import { type Logger, pino } from 'pino';

/** A logger of the serving process, or of one of its threads. */
export function createLogger(level: string): Logger {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, pino.destination(2));
}

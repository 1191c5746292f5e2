// Hooklane's own messages: JSON lines on stderr, so that stdout is left to what a command has to say.

import { type Logger, pino } from 'pino';
import { openLogLines } from './log-lines.ts';

const STDERR = 2;

/** A logger of the serving process, or of one of its threads. Ask for one alone: each has lines of its own that wait. */
export function createLogger(level: string): Logger {
  // Not pino's own: on a full disk that throws what nobody catches, and then tries for ever as the process ends.
  const lines = openLogLines(STDERR, droppedLine);
  process.once('exit', lines.flushSync);
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, lines);
}

/** As pino writes a warning. */
function droppedLine(dropped: number): string {
  const msg = 'so many lines of this log could not be written';
  return `${JSON.stringify({ level: pino.levels.values.warn, time: new Date().toISOString(), dropped, msg })}\n`;
}

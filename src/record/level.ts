// Levels: what loggers call them, to the six that Hooklane has.

import { LOG_LEVELS, type LogLevel } from '../events.ts';
import { asName } from './readers.ts';

const NAMES: Record<LogLevel, string[]> = {
  trace: ['trace', 'silly', 'finest', 'finer'],
  debug: ['debug', 'verbose', 'fine'],
  info: ['info', 'information', 'informational', 'notice', 'http', 'log', 'success'],
  warning: ['warning', 'warn'],
  error: ['error', 'err', 'severe'],
  fatal: ['fatal', 'critical', 'crit', 'alert', 'emerg', 'emergency', 'panic', 'dpanic'],
};

const LEVEL_OF = new Map(LOG_LEVELS.flatMap((level) => NAMES[level].map((name) => [name, level] as const)));

/** RFC 5424, 6.2.1: emergency, alert, critical, error, warning, notice, informational, debug. */
const SYSLOG: readonly LogLevel[] = ['fatal', 'fatal', 'fatal', 'error', 'warning', 'info', 'info', 'debug'];

/** pino and bunyan: 10, 20, … 60, with room for levels of one's own between them. */
const PINO: readonly LogLevel[] = ['trace', 'debug', 'info', 'warning', 'error', 'fatal'];

/** The level that a name or a number stands for; undefined: no logger that we know has it. */
export function asLevel(value: unknown): LogLevel | undefined {
  const name = asName(value);
  if (name === undefined) return undefined;
  const number = Number(name);
  if (Number.isNaN(number)) return LEVEL_OF.get(name.toLowerCase());
  return number < 10 ? SYSLOG[number] : PINO[Math.floor(number / 10) - 1];
}

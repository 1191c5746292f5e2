// Stacks: the frames in the text that runtimes print, and the text for frames that come in parts. Only what
// grouping and reading need; a line that is not understood is passed over.

import { MAX_FRAMES } from './bounds.ts';

export interface Frame {
  function: string | undefined;
  /** A path, URL or module. */
  file: string | undefined;
  line: number | undefined;
  column: number | undefined;
  /** It belongs to the program itself, not to a library or the runtime. */
  inApp: boolean;
}

/** `at charge (src/pay.ts:12:7)` */
export function renderFrame({ function: name = '<anonymous>', file, line, column }: Frame): string {
  const place = [file ?? '<unknown>', line, column].filter((part) => part !== undefined).join(':');
  return `at ${name} (${place})`;
}

const LIBRARY_FILE =
  /^(?:node:|internal\/|native$|<)|[/\\](?:node_modules|site-packages|dist-packages|gems|vendor|lib[/\\]python\d)/;
const LIBRARY_FUNCTION =
  /^(?:java|javax|jakarta|jdk|sun|kotlin|scala|org\.springframework|System|Microsoft)\./;

/** Whether a frame belongs to the program itself, as far as names tell. */
export function isInApp(name: string | undefined, file: string | undefined): boolean {
  return !LIBRARY_FILE.test(file ?? '') && !LIBRARY_FUNCTION.test(name ?? '');
}

/**
 * The frames in a stack's text, newest first, `max` in-app ones at most, without lines and columns. Reads the
 * stacks of V8, Java and .NET (`at …`), Firefox and Safari (`f@file:1:2`), Python, Ruby and PHP.
 */
export function parseStack(stack: string, max: number): Frame[] {
  const lines = stack.split('\n');
  // Python prints the newest frame last.
  const newestFirst = stack.includes('Traceback (most recent call last)')
    ? lines.slice(-MAX_FRAMES).reverse()
    : lines.slice(0, MAX_FRAMES);
  const frames: Frame[] = [];
  for (let at = 0, inApp = 0; at < newestFirst.length && inApp < max; at++) {
    const frame = parseLine((newestFirst[at] ?? '').trim());
    if (frame === undefined) continue;
    frames.push(frame);
    if (frame.inApp) inApp++;
  }
  return frames;
}

const MAX_LINE_LENGTH = 1_000;
const PYTHON = /^File "([^"]*)", line \d+(?:, in (.*))?$/;
const RUBY = /^(?:from )?([^\s:]+):\d+:in [`'](.*)'$/;
const PHP = /^#\d+ ([^(]+)\(\d+\): (.*)$/;
const POSITION = /(?::(?:line )?\d+){1,2}$/;

function parseLine(line: string): Frame | undefined {
  if (line.length > MAX_LINE_LENGTH) return undefined;
  if (line.startsWith('at ')) return parseAt(line.slice('at '.length));
  const python = PYTHON.exec(line);
  if (python !== null) return frameOf(python[2], python[1]);
  const ruby = RUBY.exec(line);
  if (ruby !== null) return frameOf(ruby[2], ruby[1]);
  const php = PHP.exec(line);
  if (php !== null) return frameOf(php[2], php[1]);
  const at = line.indexOf('@');
  return at >= 0 && POSITION.test(line) ? frameOf(line.slice(0, at), line.slice(at + 1)) : undefined;
}

/** `f (file:1:2)` or `file:1:2` (V8), `a.B.f(B.java:1)` (Java), `A.F(Int32 x) in file:line 1` (.NET). */
function parseAt(text: string): Frame {
  const [before = '', file] = text.split(') in ');
  if (file !== undefined) return frameOf(before, file);
  const open = text.lastIndexOf('(');
  if (open === -1 || !text.endsWith(')')) return frameOf(undefined, text);
  return frameOf(text.slice(0, open).trim(), text.slice(open + 1, -1));
}

function frameOf(name: string | undefined, place: string | undefined): Frame {
  const file = place?.replace(POSITION, '');
  return {
    function: name || undefined,
    file: file || undefined,
    line: undefined,
    column: undefined,
    inApp: isInApp(name, file),
  };
}

/** The type and message in the line that heads a stack, or ends it as in Python: `TypeError: x is not a function`. */
export function parseHeading(stack: string): { type: string; message: string } | undefined {
  const lines = stack.trim();
  const at = lines.startsWith('Traceback') ? lines.lastIndexOf('\n') + 1 : 0;
  const [heading = ''] = lines.slice(at).split('\n', 1);
  const [, type, message] =
    /^(?:Uncaught )?([\w.$]{1,240}(?:Error|Exception)|Error)(?:: (.*))?$/.exec(heading.trimEnd()) ?? [];
  return type === undefined ? undefined : { type, message: message ?? '' };
}

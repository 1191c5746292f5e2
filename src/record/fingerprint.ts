// Fingerprints: equal errors of a project get equal ones. Pure.
//
// In this order: what the sender wants to have it grouped by; else the type and the newest in-app frames of the
// stack, without what changes from one release, host or build to the next; else the type and the message, without
// what changes from one occurrence to the next. With a stack the message does not count, as in Sentry.

import { hash } from 'node:crypto';
import type { ProjectId } from '../ids.ts';
import { MAX_GROUPED_FRAMES, MAX_GROUPED_LENGTH } from './bounds.ts';
import type { ExtractedLog } from './extract.ts';
import { type Frame, parseStack } from './stack.ts';

/** Hexadecimal characters, 64 bits: a project with 100,000 groups has two that collide once in 4 × 10⁹ cases. */
const LENGTH = 16;

/** In a grouping, as in Sentry's: by what we should have grouped. */
const DEFAULT = /^\{\{\s*default\s*\}\}$/;

/** The fingerprint of a log: 16 hexadecimal characters. */
export function fingerprint(projectId: ProjectId, log: ExtractedLog): string {
  const parts = log.grouping?.flatMap((part) => (DEFAULT.test(part) ? defaultParts(log) : part));
  // As JSON, so that no two lists of parts are the same text.
  const text = JSON.stringify([projectId, ...(parts ?? defaultParts(log))]);
  return hash('sha256', text, 'hex').slice(0, LENGTH);
}

function defaultParts({ content, frames }: ExtractedLog): string[] {
  const stack = frames === undefined ? normalStack(content.stack ?? '') : normalFrames(frames);
  const where = stack.length > 0 ? stack : [normalMessage(content.message)];
  return [content.errorType ?? '', ...where];
}

/** Of stacks that have been seen, so many are remembered, of so many characters: the same errors come again and again. */
const MAX_KNOWN = 500;
const MAX_KNOWN_LENGTH = 4_096;
const known = new Map<string, readonly string[]>();

/** The frames that count of a stack's text, as they are compared. */
function normalStack(stack: string): readonly string[] {
  const found = known.get(stack);
  if (found !== undefined) return found;
  const normal = normalFrames(parseStack(stack, MAX_GROUPED_FRAMES));
  if (stack.length > MAX_KNOWN_LENGTH) return normal;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(stack, normal);
  return normal;
}

function normalFrames(frames: readonly Frame[]): string[] {
  return newestFrames(frames).map(normalFrame);
}

/** The newest frames of the program itself; where it has none, the newest of all. */
function newestFrames(frames: readonly Frame[]): Frame[] {
  const inApp = frames.filter((frame) => frame.inApp);
  return (inApp.length > 0 ? inApp : frames).slice(0, MAX_GROUPED_FRAMES);
}

function normalFrame({ function: name, file }: Frame): string {
  return `${normalFunction(name ?? '')} ${normalFile(file ?? '')}`;
}

/** Without what depends on how it was called, on arguments, and on the numbers that compilers give. */
function normalFunction(name: string): string {
  return name
    .replace(/^(?:async )?(?:new )?(?:Object\.|Module\.|exports\.)?/, '')
    .replace(/ ?[[(].*$/, '')
    .replace(/\d+/g, '*');
}

/** The last two names of a path, without query, and without the hashes that bundlers put into names. */
function normalFile(file: string): string {
  const path = file.replace(/[?#].*$/, '').replaceAll('\\', '/');
  const end = path.slice(path.lastIndexOf('/', path.lastIndexOf('/') - 1) + 1);
  return /\d/.test(end) ? end.replace(HASH, '*').replace(VERSION, '*') : end;
}

const HASH = /(?<![a-z0-9])(?=[a-z]{0,20}\d)[a-z0-9]{6,}(?=[-._/]|$)/gi;
/** A name that is nothing but a number or version: of a release, or a chunk. */
const VERSION = /(?<=^|\/)v?\d[\d.]*(?=\/|$|\.[a-z]+$)/gi;

/** What changes from one occurrence to the next. Repetitions are bounded, so that none of them is quadratic. */
const VARIABLE = [
  /\b[a-z][a-z+.-]{1,20}:\/\/[^\s"'<>)]+/gi, // URLs
  /(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63})+/g, // emails
  /(?<!\w)(?:"[^"]*"|'[^']*'|`[^`]*`)(?!\w)/g, // quoted, but no apostrophes
  /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, // UUIDs
  /\b0x[0-9a-f]+\b/gi,
  /\b(?=[a-z_]{0,20}\d)\w{8,}\b/gi, // hashes and other ids
  /\d+(?:[.,:]\d+)*/g,
];

function normalMessage(message: string): string {
  return VARIABLE.reduce((text, pattern) => text.replace(pattern, '*'), message.slice(0, MAX_GROUPED_LENGTH));
}

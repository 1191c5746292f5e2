// Text that came from outside, made fit to be stored and shown: bounded, valid Unicode, and without control
// characters, which could steer the terminal it is shown in.

/** `text`, or its start and '…', `maxLength` at most. No character (code point) is cut in two. */
export function cut(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const end = maxLength - 1;
  const splitsPair = isHighSurrogate(text.charCodeAt(end - 1));
  return `${text.slice(0, splitsPair ? end - 1 : end)}…`;
}

function isHighSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdbff;
}

/**
 * `text` without control characters (save line ends and tabs), colour codes and outer blanks; a surrogate without
 * its partner becomes U+FFFD. `maxLength` at most; may be empty.
 */
export function clean(text: string, maxLength: number): string {
  const valid = cut(text, maxLength).toWellFormed();
  const printable = CONTROL.test(valid) ? valid.replace(COLOUR, '').replace(CONTROLS, '') : valid;
  return printable.trim();
}

const CONTROL = /[^\P{Cc}\t\n\r]/u;
const CONTROLS = /[^\P{Cc}\t\n\r]/gu;
/** What an escape character starts in coloured output: `ESC [ 31 m`. */
const COLOUR = /\p{Cc}\[[\d;]*m/gu;

// Lines out of bytes, with a bound.

import { TransferRefused } from './errors.ts';

/** Of a line: the largest event is that of a webhook whose log came from a payload of 1 MiB, which may grow, as base64. */
const MAX_LINE_BYTES = 16 * 1024 * 1024;
const LINE_END = 10;

/** Each line without its end, and whether it has one. Throws TransferRefused for one that is too long. */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
): AsyncGenerator<{ line: Buffer; whole: boolean }> {
  let parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(LINE_END); end !== -1; end = chunk.indexOf(LINE_END, from)) {
      yield { line: Buffer.concat([...parts, chunk.subarray(from, end)]), whole: true };
      parts = [];
      bytes = 0;
      from = end + 1;
    }
    if (from === chunk.length) continue;
    parts.push(chunk.subarray(from));
    bytes += chunk.length - from;
    if (bytes > MAX_LINE_BYTES)
      throw new TransferRefused(
        `a line has more than ${MAX_LINE_BYTES} bytes: this is no export of Hooklane`,
      );
  }
  if (bytes > 0) yield { line: Buffer.concat(parts), whole: false };
}

// Answers as they come over the wire, read strictly: what no client could make sense of is an error. Pure.

export interface Answer {
  status: number;
  /** By lower-case name. */
  headers: Record<string, string>;
  body: string;
}

/** What the server has sent is no HTTP. */
export class NoAnswer extends Error {
  constructor(message: string, bytes: Buffer) {
    super(`${message}: ${JSON.stringify(bytes.toString('latin1', 0, 300))}`);
    this.name = 'NoAnswer';
  }
}

/**
 * The answer that `bytes` begin with, to a request of this method, and where it ends; undefined: it is not all there.
 * Answers 1xx are passed over. `ended`: no more will come. Throws NoAnswer.
 */
export function readAnswer(
  bytes: Buffer,
  method: string,
  ended: boolean,
): { answer: Answer; end: number } | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd === -1) return undefined;
  const [first = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n');
  const status = Number(/^HTTP\/1\.1 ([1-5]\d\d) /.exec(first)?.[1]);
  if (Number.isNaN(status)) throw new NoAnswer('no status line', bytes);
  const at = headEnd + 4;
  if (status < 200) {
    const next = readAnswer(bytes.subarray(at), method, ended);
    return next && { ...next, end: at + next.end };
  }
  const headers = headersOf(lines, bytes);
  // What never became a request has no method: the answer to it, the last of a connection, says what is wrong.
  const toNoRequest = headers['x-request-id'] === undefined && headers.connection === 'close';
  const hasNone = (method === 'HEAD' && !toNoRequest) || status === 204;
  const body = bodyOf(bytes.subarray(at), { hasNone, headers, ended });
  if (body === undefined) return undefined;
  return { answer: { status, headers, body: body.text }, end: at + body.length };
}

function headersOf(lines: readonly string[], bytes: Buffer): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name, value] = /^([\w-]+): ?([\t -~\x80-\xff]*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new NoAnswer(`no header: ${line}`, bytes);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

interface Framing {
  hasNone: boolean;
  headers: Record<string, string>;
  ended: boolean;
}

function bodyOf(
  rest: Buffer,
  { hasNone, headers, ended }: Framing,
): { text: string; length: number } | undefined {
  if (hasNone) return { text: '', length: 0 };
  if (headers['transfer-encoding'] === 'chunked') return chunksOf(rest);
  const given = headers['content-length'];
  if (given === undefined) return ended ? { text: rest.toString(), length: rest.length } : undefined;
  const length = Number(given);
  return rest.length < length ? undefined : { text: rest.toString('utf8', 0, length), length };
}

function chunksOf(rest: Buffer): { text: string; length: number } | undefined {
  const chunks: Buffer[] = [];
  for (let at = 0; ; ) {
    const lineEnd = rest.indexOf('\r\n', at);
    if (lineEnd === -1) return undefined;
    const size = Number.parseInt(rest.toString('latin1', at, lineEnd), 16);
    if (Number.isNaN(size)) throw new NoAnswer('no size of a chunk', rest.subarray(at));
    const end = lineEnd + 2 + size;
    if (rest.length < end + 2) return undefined;
    if (size === 0) return { text: Buffer.concat(chunks).toString(), length: end + 2 };
    chunks.push(rest.subarray(lineEnd + 2, end));
    at = end + 2;
  }
}

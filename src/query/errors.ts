// What can be wrong with a question.

/** A filter, limit or cursor is not what it may be. */
export class InvalidQuery extends Error {
  readonly code = 'INVALID_QUERY';
  readonly field: string;
  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.name = 'InvalidQuery';
    this.field = field;
  }
}

/** A name stands for several things, some of which have these ids. */
export function ambiguous(what: string, name: string, ids: readonly string[]): InvalidQuery {
  return new InvalidQuery(what, `several are called ${JSON.stringify(name)}: ${ids.join(', ')}`);
}

/** There is no such thing. */
export class NotFound extends Error {
  readonly code = 'NOT_FOUND';
  /** `message` is what a server says of it. */
  constructor(what: string, asked: string, message = `there is no ${what} ${JSON.stringify(asked)}`) {
    super(message);
    this.name = 'NotFound';
  }
}

/** What was sent, or was to be, is not in the read models any more: it cannot be sent again. */
export class PayloadGone extends NotFound {
  constructor(id: string) {
    const why = 'its payload is not, or no longer, in the read models';
    super('payload', id, `${id} cannot be tried again: ${why}`);
    this.name = 'PayloadGone';
  }
}

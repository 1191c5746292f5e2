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

/** There is no such thing. */
export class NotFound extends Error {
  readonly code = 'NOT_FOUND';
  constructor(what: string, asked: string) {
    super(`there is no ${what} ${JSON.stringify(asked)}`);
    this.name = 'NotFound';
  }
}

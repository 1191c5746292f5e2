// What a server of MongoDB says of itself, and what its errors mean. Pure. Errors of the driver are told by their names
// and the server's codes.

import { ViewsRefused, ViewsUnavailable } from './views.ts';

const DEFAULT_DATABASE = 'hooklane';
const OLDEST_VERSION = 6;

/** The database in the path of a URL, or `hooklane`. */
export function databaseIn(url: string): string {
  const [, name] = /^[^:]+:\/\/[^/]+\/([^?]+)/.exec(url) ?? [];
  return name === undefined ? DEFAULT_DATABASE : decodeURIComponent(name);
}

/** Why a server of this version (`7.0.2`) is refused; undefined: it is not. */
export function whyTooOld(version: string): string | undefined {
  return Number.parseInt(version, 10) >= OLDEST_VERSION
    ? undefined
    : `MongoDB ${version} is too old: ${OLDEST_VERSION}.0 or newer is needed`;
}

/** Codes of the server. Source: github.com/mongodb/mongo, src/mongo/base/error_codes.yml. */
const DUPLICATE_KEY = 11_000;
const UNAUTHORIZED = 13;
const AUTHENTICATION_FAILED = 18;
/** BadValue, FailedToParse, TypeMismatch. */
const BAD_QUERIES = [2, 9, 14];

interface DriverError extends Error {
  code?: unknown;
}

function isOfDriver(error: unknown): error is DriverError {
  return (
    error instanceof Error && error.name.startsWith('Mongo') && error.name !== 'MongoInvalidArgumentError'
  );
}

/** Whether somebody else has made a document at the same moment. */
export function isDuplicateKey(error: unknown): boolean {
  return isOfDriver(error) && error.code === DUPLICATE_KEY;
}

/** An error of the driver as what a caller can act on; one that is a bug comes back as it is. */
export function asUnavailable(error: unknown): unknown {
  if (!isOfDriver(error) || BAD_QUERIES.includes(Number(error.code))) return error;
  return new ViewsUnavailable(`MongoDB: ${error.message}`, { cause: error });
}

/** As asUnavailable(), at the start, for people. `hosts` are those that were asked. */
export function whileOpening(error: unknown, hosts: string): unknown {
  if (!isOfDriver(error)) return error;
  const refused = (why: string) => new ViewsRefused(`MongoDB at ${hosts} ${why}`, { cause: error });
  const [reason = ''] = error.message.split('\n');
  if (error.code === AUTHENTICATION_FAILED) return refused(`refused the login: ${reason}`);
  if (error.code === UNAUTHORIZED) return refused(`does not allow what is needed: ${reason}`);
  return error.code === undefined ? refused(`cannot be reached: ${reason}`) : refused(`answered: ${reason}`);
}

// What a view may be declared as, and what of a declaration its documents are kept by. Pure.
//
// The shape is kept beside each copy of a view, as another release may declare the view otherwise. Names become part of
// what is asked of the store, so every declaration is checked before any of it does.

import { TOPICS } from '../events.ts';
import {
  type Condition,
  type Patch,
  type Value,
  type ViewBatch,
  type ViewDefinition,
  type ViewIndex,
  type ViewPositions,
  ViewsRefused,
} from './views.ts';

/** What of a declaration a copy of the view is made from. */
export type Shape = Pick<ViewDefinition, 'topics' | 'indexes' | 'nested'>;

const NAME = /^[A-Za-z][A-Za-z0-9]*$/;
const USUAL_TEXT = /^[A-Za-z0-9.]+$/;

/** Whether this is the name of a view or of a field. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** Throws, as this is a bug, unless every view is declared once and as views can be. */
export function checkDefinitions(definitions: readonly ViewDefinition[]): void {
  if (hasRepeats(definitions.map(({ name }) => name))) throw new Error('a view is declared twice');
  for (const {
    name,
    version,
    topics,
    indexes,
    sparse = [],
    usual = {},
    nested = [],
    history,
  } of definitions) {
    const wrong = (what: string) => new Error(`the view ${name} is declared wrongly: ${what}`);
    if (!isName(name)) throw wrong('its name is not letters and digits');
    if (!Number.isSafeInteger(version) || version < 1) throw wrong(`version ${version}`);
    if (topics.length === 0 || hasRepeats(topics) || topics.some((topic) => !TOPICS.includes(topic))) {
      throw wrong(`topics ${topics.join(', ')}`);
    }
    const indexed = indexes.flat();
    for (const fields of indexes) {
      const bad = fields.some((field) => !isName(field) || field === 'id');
      if (fields.length === 0 || hasRepeats(fields) || bad) throw wrong(`index ${fields.join(', ')}`);
    }
    if (sparse.some((field) => !indexed.includes(field))) throw wrong(`sparse ${sparse.join(', ')}`);
    for (const [field, values] of Object.entries(usual)) {
      const bad = values.some((value) =>
        typeof value === 'string' ? !USUAL_TEXT.test(value) : !Number.isSafeInteger(value),
      );
      if (bad || !indexed.includes(field)) throw wrong(`usual ${field}: ${values.join(', ')}`);
    }
    if (hasRepeats(nested) || nested.some((field) => !indexed.includes(field))) {
      throw wrong(`nested ${nested.join(', ')}`);
    }
    for (const path of history?.payload ?? []) {
      const [field = '', key = 'key', ...rest] = path.split('.');
      const bad = !isName(field) || field === 'id' || !isName(key) || rest.length > 0;
      if (bad || indexed.includes(field)) throw wrong(`payload ${path}`);
    }
  }
}

/** SQLite tells names apart without regard to case. */
function hasRepeats(names: readonly string[]): boolean {
  return new Set(names.map((name) => name.toLowerCase())).size < names.length;
}

export function shapeOf({ topics, indexes, nested }: ViewDefinition): Shape {
  return nested === undefined ? { topics, indexes } : { topics, indexes, nested };
}

type Indexed = Pick<ViewDefinition, 'indexes' | 'sparse' | 'usual' | 'nested'>;

/** The indexes of a view, of an engine that makes each as it is declared. */
export function declaredIndexes({ indexes, usual = {} }: Indexed): ViewIndex[] {
  return indexes.map((fields) => ({ fields, nested: 0, usual: usualIn(fields, usual), partial: false }));
}

/** Those of an engine that makes one of such as differ only in a nested field, and leaves out of each what may be left out. */
export function madeIndexes({ indexes, sparse = [], usual = {}, nested = [] }: Indexed): ViewIndex[] {
  const isDeclared = (fields: readonly string[]) => indexes.some((other) => other.join() === fields.join());
  return indexes.flatMap((declared) => {
    const [first = '', ...others] = declared;
    const isOfMany = nested.includes(first) && nested.every((field) => isDeclared([field, ...others]));
    if (isOfMany && first !== nested[0]) return [];
    const fields = isOfMany ? [...nested, ...others] : declared;
    const mayLeaveOut = declared.length > 1 || sparse.includes(first);
    const own = usualIn(fields, usual);
    const partial = mayLeaveOut && Object.keys(own).length > 0;
    return [{ fields, nested: isOfMany ? nested.length : 0, usual: own, partial }];
  });
}

/** By what such an index finds: also by each of the fields that hold others, with those before it. */
export function foundBy(index: ViewIndex): ViewIndex[] {
  const { fields, nested } = index;
  if (nested === 0) return [index];
  return Array.from({ length: nested }, (_, level) => ({
    ...index,
    fields: [...fields.slice(0, level + 1), ...fields.slice(nested)],
    nested: level + 1,
  }));
}

function usualIn(fields: readonly string[], usual: ViewIndex['usual']): ViewIndex['usual'] {
  return Object.fromEntries(Object.entries(usual).filter(([field]) => fields.includes(field)));
}

/** A condition that an index may answer. */
export type Equality = Extract<Condition, { eq: unknown }> & { eq: string | number | boolean };

export function isEquality(condition: Condition): condition is Equality {
  return 'eq' in condition && condition.eq !== null;
}

/** Whether most documents have this value in the field. */
export function isUsual(usual: ViewIndex['usual'], field: string, value: Value | undefined): boolean {
  return usual[field]?.some((one) => one === value) ?? false;
}

/** What an index answers of equalities. Fields that hold each other tell no more than one of them. */
export interface Answered {
  /** Of the fields that hold each other, how many are asked for, from the outermost on. */
  depth: number;
  /** Values that are not usual. */
  unusual: number;
  fields: number;
}

/** Undefined: nothing, as not all its other fields are `asked` for, by their values, or as it may lack what is. */
export function answeredBy(
  { fields, nested, usual, partial }: ViewIndex,
  asked: ReadonlyMap<string, Value>,
): Answered | undefined {
  const others = fields.slice(nested);
  if (!others.every((field) => asked.has(field))) return undefined;
  const unusual = others.filter((field) => !isUsual(usual, field, asked.get(field))).length;
  if (partial && unusual < others.length) return undefined;
  const open = fields.slice(0, nested).findIndex((field) => !asked.has(field));
  const depth = open === -1 ? nested : open;
  const ofNested = Math.min(depth, 1);
  return { depth, unusual: unusual + ofNested, fields: others.length + ofNested };
}

/**
 * Throws ViewsRefused for a view that a newer release has made, and for one that is declared otherwise than it was
 * made, without a new version, an Error. One of an older version is kept, and serves, until a rebuilt one takes its place.
 */
export function checkStored(definition: ViewDefinition, stored: { version: number; shape: string }): void {
  if (stored.version > definition.version) {
    throw new ViewsRefused('the read models were made by a newer release of Hooklane');
  }
  if (stored.version === definition.version && stored.shape !== JSON.stringify(shapeOf(definition))) {
    throw new Error(`the declaration of view ${definition.name} has changed, but not its version`);
  }
}

/** The greatest time of the events of a batch that the view is made from; 0: there is none. */
export function newestFor({ topics }: Pick<Shape, 'topics'>, { newestAtMs = {} }: ViewBatch): number {
  return Math.max(0, ...topics.map((topic) => newestAtMs[topic] ?? 0));
}

/** Throws, as this is a bug, for a patch that an event of a topic has made which its view is not made from. */
export function checkCauses(
  patches: readonly Patch[],
  definitionOf: (view: string) => Pick<ViewDefinition, 'topics'>,
): void {
  for (const { view, cause } of patches) {
    if (!definitionOf(view).topics.includes(cause.topic)) {
      throw new Error(`the view ${view} is not made from topic ${cause.topic}`);
    }
  }
}

/** Whether `positions` are at or after those of `live`, for the topics of the shape: those that it has lost do not count. */
export function hasReached(positions: ViewPositions, live: ViewPositions, { topics }: Shape): boolean {
  return topics.every((topic) =>
    Object.entries(live[topic] ?? {}).every(
      ([partition, next]) => next <= (positions[topic]?.[Number(partition)] ?? 0),
    ),
  );
}

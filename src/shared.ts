// What many have alike is one, so that each of them costs little: of 100,000 quiet lanes settings took a quarter of the memory.

/** So many texts, and so many lists, are remembered; those that are like none of them stay as they are. */
const MAX_SHARED = 1_000;
type List = readonly string[] | readonly number[];
const texts = new Map<string, string>();
const lists = new Map<string, List>();

/** The same setting, as it was seen before: decoding makes another text and list each time. A list may not be changed. */
export function shared<T extends string | List | null>(setting: T): T {
  if (setting === null) return setting;
  if (typeof setting === 'string') return remembered(texts, setting, setting) as T;
  Object.freeze(setting);
  return remembered(lists, JSON.stringify(setting), setting) as T;
}

function remembered<T extends string | List>(known: Map<string, T>, key: string, setting: T): T {
  const found = known.get(key);
  if (found !== undefined) return found;
  if (known.size < MAX_SHARED) known.set(key, setting);
  return setting;
}

// Things by what they have in common, such as whose they are, so that what is of one is found without looking at all. Most
// are alone with it: then the group is the thing itself, and takes no more than its entry.

/** Groups that are read alone. */
export interface Groups<Key, Thing> {
  /** In the order in which they came. */
  of(key: Key): readonly Thing[];
}

export class Grouped<Key, Thing extends { id: string }> implements Groups<Key, Thing> {
  readonly groups = new Map<Key, Thing | Thing[]>();

  of(key: Key): readonly Thing[] {
    const group = this.groups.get(key);
    if (group === undefined) return [];
    return Array.isArray(group) ? group : [group];
  }

  add(key: Key, thing: Thing): void {
    const group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, thing);
    else if (Array.isArray(group)) group.push(thing);
    else this.groups.set(key, [group, thing]);
  }

  remove(key: Key, thing: Thing): void {
    const [first, ...others] = this.of(key).filter((other) => other !== thing);
    if (first === undefined) this.groups.delete(key);
    else this.groups.set(key, others.length === 0 ? first : [first, ...others]);
  }

  /** All of a group, which is no more. */
  take(key: Key): readonly Thing[] {
    const things = this.of(key);
    this.groups.delete(key);
    return things;
  }
}

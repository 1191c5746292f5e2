// Things by what they have in common, such as whose they are, so that what is of one is found without looking at all. Most
// are alone with it: then the group is the thing itself, and takes no more than its entry.

/** Groups that are read alone. */
export interface Groups<Key, Thing> {
  /** In the order in which they came. */
  of(key: Key): Iterable<Thing>;
}

export class Grouped<Key, Thing extends { id: string }> implements Groups<Key, Thing> {
  readonly groups = new Map<Key, Thing | Map<string, Thing>>();

  of(key: Key): Iterable<Thing> {
    const group = this.groups.get(key);
    if (group === undefined) return [];
    return group instanceof Map ? group.values() : [group];
  }

  /** Adds a thing of which the group does not have the id. */
  add(key: Key, thing: Thing): void {
    const group = this.groups.get(key);
    if (group === undefined) this.groups.set(key, thing);
    else if (group instanceof Map) group.set(thing.id, thing);
    else {
      const both = [group, thing].map((one): [string, Thing] => [one.id, one]);
      this.groups.set(key, new Map(both));
    }
  }

  /** Removes the thing with this id, if the group has it. */
  remove(key: Key, { id }: Pick<Thing, 'id'>): void {
    const group = this.groups.get(key);
    if (group instanceof Map) {
      group.delete(id);
      if (group.size === 0) this.groups.delete(key);
    } else if (group?.id === id) this.groups.delete(key);
  }

  /** All of a group, which is no more. */
  take(key: Key): Iterable<Thing> {
    const things = this.of(key);
    this.groups.delete(key);
    return things;
  }
}

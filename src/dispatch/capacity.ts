// How many requests may be in flight: all of a process together, and to one host, so that one host that hangs cannot
// hold them all. (To one endpoint it is the lane that knows, see wakeAtMs().) Shared by the cranks of a process.

/** Requests that may be in flight at a time, all partitions of a process together. */
const MAX_IN_FLIGHT = 512;
/** Of these, to one host. */
export const MAX_IN_FLIGHT_PER_HOST = 128;

export interface Capacity {
  /** Whether one more request may be in flight, to whatever host. */
  hasRoom(): boolean;
  /** Whether one more may be in flight to this host. */
  hasRoomFor(host: string): boolean;
  /** Whether one more may be claimed ahead of its time: half of the room is for what is due. */
  hasRoomAhead(host: string): boolean;
  take(host: string): void;
  /** Gives back what was taken; true: somebody had asked for room, and there was none. */
  give(host: string): boolean;
}

export function createCapacity(most = MAX_IN_FLIGHT, mostPerHost = MAX_IN_FLIGHT_PER_HOST): Capacity {
  const byHost = new Map<string, number>();
  let total = 0;
  let wanted = false;

  function answer(hasRoom: boolean): boolean {
    if (!hasRoom) wanted = true;
    return hasRoom;
  }

  return {
    hasRoom: () => answer(total < most),
    hasRoomFor: (host) => answer(total < most && (byHost.get(host) ?? 0) < mostPerHost),
    hasRoomAhead: (host) => total < most / 2 && (byHost.get(host) ?? 0) < mostPerHost / 2,
    take(host) {
      total++;
      byHost.set(host, (byHost.get(host) ?? 0) + 1);
    },
    give(host) {
      total--;
      const left = (byHost.get(host) ?? 0) - 1;
      if (left > 0) byHost.set(host, left);
      else byHost.delete(host);
      const wasWanted = wanted;
      wanted = false;
      return wasWanted;
    },
  };
}

// How many requests may be in flight: all of a process together, to one host, so that one host that hangs cannot hold them all,
// and of one organization, so that its hosts cannot. (To one endpoint it is the lane that knows, see wakeAtMs().) Shared by the
// cranks of a process.

import type { OrganizationId } from '../ids.ts';
import type { Request } from './request.ts';

/** Requests that may be in flight at a time, all partitions of a process together. */
const MAX_IN_FLIGHT = 512;
/** Of these, to one host. */
export const MAX_IN_FLIGHT_PER_HOST = 128;

export interface Capacity {
  /** Whether one more request may be in flight, to whatever host. */
  hasRoom(): boolean;
  /** Whether one more may be in flight to this host, of whatever organization. */
  hasRoomAt(host: string): boolean;
  /** Whether one more of this organization may be, to whatever host. */
  hasRoomFor(organizationId: OrganizationId): boolean;
  /** Whether one more may be claimed ahead of its time: half of the room is for what is due. */
  hasRoomAhead(host: string): boolean;
  take(request: Holder): void;
  /** Gives back what was taken; true: somebody had asked for room, and there was none. */
  give(request: Holder): boolean;
}

/** Whose room it is. */
type Holder = Pick<Request, 'host' | 'organizationId'>;

/** By default an organization has three quarters of the room at the most. */
export function createCapacity(
  most = MAX_IN_FLIGHT,
  mostPerHost = MAX_IN_FLIGHT_PER_HOST,
  mostPerOrganization = Math.ceil(0.75 * most),
): Capacity {
  const byHost = new Map<string, number>();
  const byOrganization = new Map<string, number>();
  let total = 0;
  let wanted = false;

  function answer(hasRoom: boolean): boolean {
    if (!hasRoom) wanted = true;
    return hasRoom;
  }

  return {
    hasRoom: () => answer(total < most),
    hasRoomAt: (host) => answer(total < most && (byHost.get(host) ?? 0) < mostPerHost),
    hasRoomFor: (id) => answer(total < most && (byOrganization.get(id) ?? 0) < mostPerOrganization),
    hasRoomAhead: (host) => total < most / 2 && (byHost.get(host) ?? 0) < mostPerHost / 2,
    take({ host, organizationId }) {
      total++;
      count(byHost, host, 1);
      count(byOrganization, organizationId, 1);
    },
    give({ host, organizationId }) {
      total--;
      count(byHost, host, -1);
      count(byOrganization, organizationId, -1);
      const wasWanted = wanted;
      wanted = false;
      return wasWanted;
    },
  };
}

function count(counts: Map<string, number>, what: string, change: number): void {
  const left = (counts.get(what) ?? 0) + change;
  if (left > 0) counts.set(what, left);
  else counts.delete(what);
}

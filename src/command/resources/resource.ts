// An inbound resource: one kind of thing that integrations post. Each is one file here and one line in
// ../resources.ts; what becomes of it is decided later, in record/.

import type { InboundEvent } from '../../events.ts';

export interface InboundResource {
  /** Its name in the URL: /api/v1/webhooks/<path>. */
  path: string;
  /** The type of event that a post becomes. */
  event: InboundEvent['type'];
  /** JSON Schema of the body. */
  schema: object;
}

// The routes of the master keys: which there are, a new one, secrets sealed under it, an old one taken out. No key is told.

import type { FastifyInstance } from 'fastify';
import type { Access } from './access.ts';
import { accessOf, UNBOUND } from './admit.ts';
import type { KeyRing } from './key-ring.ts';

export async function keyRoutes(
  server: FastifyInstance,
  { ringFor }: { ringFor: (access: Access) => KeyRing },
): Promise<void> {
  server.get('/keys', UNBOUND, async (request) => ({
    ...(await ringFor(accessOf(request)).list()),
    cursor: null,
  }));
  server.post('/keys', UNBOUND, async (request, reply) => {
    const made = await ringFor(accessOf(request)).make();
    reply.code(201);
    return made;
  });
  server.post('/keys/reseal', UNBOUND, (request) => ringFor(accessOf(request)).reseal());
  server.delete('/keys/:id', UNBOUND, async (request, reply) => {
    await ringFor(accessOf(request)).remove((request.params as { id: string }).id);
    return reply.code(204).send();
  });
}

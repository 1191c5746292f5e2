// The routes of the master keys: which there are, a new one, secrets sealed under it, an old one taken out. No key is told.

import type { FastifyInstance } from 'fastify';
import type { KeyRing } from './key-ring.ts';

export async function keyRoutes(server: FastifyInstance, { ring }: { ring: KeyRing }): Promise<void> {
  server.get('/keys', async () => ({ ...(await ring.list()), cursor: null }));
  server.post('/keys', async (_request, reply) => {
    const made = await ring.make();
    reply.code(201);
    return made;
  });
  server.post('/keys/reseal', () => ring.reseal());
  server.delete('/keys/:id', async (request, reply) => {
    await ring.remove((request.params as { id: string }).id);
    return reply.code(204).send();
  });
}

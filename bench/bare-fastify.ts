// What a post costs at least: a bare Fastify route that parses JSON, answers 201 and stores nothing. Prints its
// port, ends with its standard input.

import Fastify from 'fastify';

const server = Fastify();
server.post('/api/v1/webhooks/logs', (_request, reply) =>
  reply.code(201).send({ id: 'in_01J00000000000000000000000', status: 'pending' }),
);
const url = await server.listen({ port: 0, host: '127.0.0.1' });
process.stdout.write(`${new URL(url).port}\n`);
process.stdin.resume().on('end', () => void server.close());

// 405: what is answered to a method that a URL does not have, with the methods that it has. Fastify alone would
// answer 404.

import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.ts';

/** The methods of each URL pattern. */
type MethodsOf = ReadonlyMap<string, ReadonlySet<string>>;

/** Remembers the methods of all routes that are registered on `server` from now on, in plugins as well. */
export function rememberMethods(server: FastifyInstance): MethodsOf {
  const methodsOf = new Map<string, Set<string>>();
  server.addHook('onRoute', ({ url, method }) => {
    // No route of ours, but what a plugin hears of all others by.
    if (url.endsWith('*')) return;
    const methods = methodsOf.get(url) ?? new Set<string>();
    for (const each of [method].flat()) methods.add(each);
    methodsOf.set(url, methods);
  });
  return methodsOf;
}

/** Answers 405 to all other methods of the remembered routes. To be registered as the last plugin. */
export async function otherMethods(server: FastifyInstance, methodsOf: MethodsOf): Promise<void> {
  // A copy, as these routes are remembered too.
  for (const [url, methods] of [...methodsOf]) {
    const allow = [...methods].sort().join(', ');
    const refuse = async ({ method }: { method: string }) => {
      throw new Problem(405, 'wrong-method', `${method} is not allowed here; allowed: ${allow}.`, { allow });
    };
    const others = server.supportedMethods.filter((method) => !methods.has(method));
    // In onRequest, as the body is not to be read.
    server.route({ url, method: others, exposeHeadRoute: false, onRequest: refuse, handler: refuse });
  }
}

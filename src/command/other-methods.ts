// 405: what is answered to a method that a URL does not have, with the methods that it has. Fastify alone would
// answer 404.

import type { FastifyInstance } from 'fastify';
import { Problem } from './problem.ts';

/** The methods of each URL pattern. */
type MethodsOf = ReadonlyMap<string, ReadonlySet<string>>;

/** Remembers the methods of all routes that are registered on `server` from now on, in plugins as well. */
export function rememberMethods(server: FastifyInstance): MethodsOf {
  const methodsOf = new Map<string, Set<string>>();
  server.addHook('onRoute', ({ url, method, onRequest }) => {
    // No route of ours, but what a plugin hears of all others by; and those that only refuse.
    if (url.endsWith('*') || onRequest !== undefined) return;
    const methods = methodsOf.get(url) ?? new Set<string>();
    for (const each of [method].flat()) methods.add(each);
    methodsOf.set(url, methods);
  });
  return methodsOf;
}

/** Answers 405 to all other methods of the remembered routes. To be registered as the last plugin. */
export async function otherMethods(server: FastifyInstance, methodsOf: MethodsOf): Promise<void> {
  for (const [url, methods] of methodsOf) {
    const refuse = async ({ method }: { method: string }) => {
      throw wrongMethod(method, methods);
    };
    const others = server.supportedMethods.filter((method) => !methods.has(method));
    // In onRequest, as the body is not to be read.
    server.route({ url, method: others, exposeHeadRoute: false, onRequest: refuse, handler: refuse });
  }
}

/**
 * What is answered to a path that has no route for a method: 405 for a method that Fastify does not know (PROPFIND) where others
 * would do, else 404. To make it know them all would cost a start 34 routes for each URL.
 */
export function noRoute(
  { method, path, supported }: { method: string; path: string; supported: readonly string[] },
  methodsOf: MethodsOf,
): Problem {
  if (!supported.includes(method)) {
    const patterns = [...methodsOf.keys()].filter((pattern) => fits(path, pattern));
    const methods = methodsOf.get(path) ?? methodsOf.get(patterns[0] ?? '');
    if (methods !== undefined) return wrongMethod(method, methods);
  }
  return new Problem(404, 'no-route', `There is no ${method} ${path}.`);
}

function wrongMethod(method: string, methods: ReadonlySet<string>): Problem {
  const allow = [...methods].sort().join(', ');
  return new Problem(405, 'wrong-method', `${method} is not allowed here; allowed: ${allow}.`, { allow });
}

/** Whether a path is one of a URL pattern, as `/logs/:id`. */
function fits(path: string, pattern: string): boolean {
  const parts = path.split('/');
  const wanted = pattern.split('/');
  return (
    parts.length === wanted.length &&
    wanted.every((part, i) => (part.startsWith(':') ? parts[i] !== '' : part === parts[i]))
  );
}

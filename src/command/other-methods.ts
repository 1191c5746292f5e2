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
    // Those that only refuse.
    if (onRequest !== undefined) return;
    const methods = methodsOf.get(url) ?? new Set<string>();
    for (const each of [method].flat()) methods.add(each);
    methodsOf.set(url, methods);
  });
  return methodsOf;
}

/**
 * Answers 405 to the methods that a URL does not have, but a pattern has which fits it too: DELETE of `/keys/reseal` is not
 * that of a key of this id, nor OPTIONS of what no page may ask for the route by which the plugin for CORS hears of them. To be
 * registered as the last plugin.
 */
export async function keepNames(server: FastifyInstance, methodsOf: MethodsOf): Promise<void> {
  const patterns = [...methodsOf];
  for (const [url, methods] of patterns) {
    if (isWildcard(url)) continue;
    const fitting = patterns.filter(([pattern]) => pattern !== url && fits(url, pattern));
    const others = new Set(fitting.flatMap(([, theirs]) => [...theirs])).difference(methods);
    if (others.size === 0) continue;
    const refuse = async ({ method }: { method: string }) => {
      throw wrongMethod(method, methods);
    };
    // In onRequest, as the body is not to be read.
    server.route({ url, method: [...others], exposeHeadRoute: false, onRequest: refuse, handler: refuse });
  }
}

/** What is answered to a path that has no route for a method: 405 where others would do, else 404. */
export function noRoute({ method, url }: { method: string; url: string }, methodsOf: MethodsOf): Problem {
  const [path = ''] = url.split('?');
  const patterns = [...methodsOf.keys()].filter((pattern) => !isWildcard(pattern));
  const methods = methodsOf.get(path) ?? methodsOf.get(patterns.find((pattern) => fits(path, pattern)) ?? '');
  if (methods !== undefined) return wrongMethod(method, methods);
  return new Problem(404, 'no-route', `There is no ${method} ${path}.`);
}

function wrongMethod(method: string, methods: ReadonlySet<string>): Problem {
  const allow = [...methods].sort().join(', ');
  return new Problem(405, 'wrong-method', `${method} is not allowed here; allowed: ${allow}.`, { allow });
}

/** No route of ours, but what a plugin hears of all others by. */
function isWildcard(pattern: string): boolean {
  return pattern.endsWith('*');
}

/** Whether a path is one of a URL pattern, as `/logs/:id` or `/logs*`. */
function fits(path: string, pattern: string): boolean {
  if (isWildcard(pattern)) return path.startsWith(pattern.slice(0, -1));
  const parts = path.split('/');
  const wanted = pattern.split('/');
  return (
    parts.length === wanted.length &&
    wanted.every((part, i) => (part.startsWith(':') ? parts[i] !== '' : part === parts[i]))
  );
}

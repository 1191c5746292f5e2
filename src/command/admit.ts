// Who may come in to the admin routes. Each route says what it takes, unless that is plain: to ask is to read, all else is
// to write. Those of the installation as a whole say that they are not for who is bound to an organization.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Access, ensureMay, type Need } from './access.ts';
import { type AdminAuthentication, type Admission, findAccess } from './authenticate.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; null: nobody was asked for. */
    admission: Admission | null;
  }
  interface FastifyContextConfig {
    /** What the route takes, where that is not plain. */
    needs?: Partial<Need>;
  }
}

/** For routes of the installation as a whole. */
export const UNBOUND = { config: { needs: { unbound: true } } } as const;

/** Lets nobody come to the routes that `server` gets from now on who may not. */
export function admitAdmins(server: FastifyInstance, authentication: AdminAuthentication): void {
  server.decorateRequest('admission', null);
  server.addHook('onRequest', async (request) => {
    const admission = await findAccess(request, authentication);
    request.admission = admission;
    const { method, routeOptions } = request;
    const scope = method === 'GET' || method === 'HEAD' ? 'read' : 'write';
    ensureMay(admission.access, { scope, unbound: false, ...routeOptions.config.needs });
  });
}

/** Tells the log of somebody who was let in, and asked for what he may not do. */
export function logRefusal({ admission, log, method, url }: FastifyRequest): void {
  log.warn({ by: admission?.access.by, method, url }, 'refused: no right');
}

/** Who asks. */
export function accessOf(request: FastifyRequest): Access {
  return admissionOf(request).access;
}

/** That he was let in, for what goes on long after that. */
export function admissionOf({ admission }: FastifyRequest): Admission {
  if (admission === null) throw new Error('the request was not authenticated');
  return admission;
}

import type { FastifyReply, FastifyRequest } from 'fastify';
import type { WebApp } from '../context.ts';
import { ProblemError } from '../problem.ts';

/** What somebody may do; each one what those before it may as well. */
export const SCOPES = ['read', 'write', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** Who may do what. */
export interface Access {
  /** What somebody may without a token; undefined: nothing. */
  readonly anonymous: Scope | undefined;
  /** The scope of a token; undefined if there is no such token. */
  scopeOf(token: string): Scope | undefined;
  /** Names that requests may be for; undefined: any. Keeps pages elsewhere from reaching this one by a name of theirs. */
  readonly hosts: ReadonlySet<string> | undefined;
  /** Origins whose pages may call the API besides our own. */
  readonly origins: ReadonlySet<string>;
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a route needs; a route that does not say needs `read`. */
    readonly scope?: Scope | 'none';
  }
  interface FastifyRequest {
    /** What who asks may do; null: nothing. */
    scope: Scope | null;
  }
}

export const TOKEN_COOKIE = 'edge_detect_token';

/** Lets in who may. */
export function guard(app: WebApp, access: Access): void {
  app.decorateRequest('scope', null);
  app.addHook('onRequest', async (request, reply) => {
    checkHost(request, access);
    checkOrigin(request, access);
    if (allowOrigin(request, reply, access)) return;
    const token = tokenOf(request);
    const scope = token === undefined ? access.anonymous : access.scopeOf(token);
    request.scope = scope ?? null;
    const needed = request.routeOptions.config.scope ?? 'read';
    if (needed === 'none') return;
    if (scope === undefined && token === undefined)
      throw new ProblemError('TOKEN_MISSING', 'a token is needed: Authorization: Bearer TOKEN');
    if (scope === undefined) throw new ProblemError('TOKEN_WRONG', 'this token is not known here');
    if (SCOPES.indexOf(scope) >= SCOPES.indexOf(needed)) return;
    if (token === undefined)
      throw new ProblemError('TOKEN_MISSING', `without a token one may only ${scope}: this needs ${needed}`);
    throw new ProblemError('SCOPE_TOO_SMALL', `this token may ${scope}; this needs ${needed}`);
  });
}

/** The token that a request brings, as a header or as the page's cookie. */
function tokenOf(request: FastifyRequest): string | undefined {
  const { authorization, cookie } = request.headers;
  if (authorization !== undefined) {
    const [, token] = /^Bearer +(\S+)$/i.exec(authorization) ?? [];
    if (token === undefined)
      throw new ProblemError('TOKEN_WRONG', 'expected Authorization: Bearer TOKEN', {
        parameter: 'authorization',
      });
    return token;
  }
  for (const pair of cookie?.split(';') ?? []) {
    const [name, value] = pair.trim().split('=');
    if (name === TOKEN_COOKIE && value) return decodeURIComponent(value);
  }
  return undefined;
}

function checkHost({ headers }: FastifyRequest, { hosts }: Access): void {
  if (hosts === undefined) return;
  const host = headers.host?.replace(/:\d+$/, '').toLowerCase() ?? '';
  if (hosts.has(host)) return;
  throw new ProblemError(
    'SCOPE_TOO_SMALL',
    `this server answers only by the names that it was given, not by '${host.slice(0, 100)}'`,
    { parameter: 'host' },
  );
}

/** A page of somebody else's must not write by the hand of a person who happens to look at it. */
function checkOrigin({ headers, method }: FastifyRequest, { origins }: Access): void {
  if (method === 'GET' || method === 'HEAD' || method === 'OPTIONS') return;
  const { origin } = headers;
  if (origin === undefined || origins.has(origin)) return;
  const host = URL.canParse(origin) ? new URL(origin).host : undefined;
  if (host !== undefined && host === headers.host) return;
  throw new ProblemError('SCOPE_TOO_SMALL', 'a page of another server may not write here', {
    parameter: 'origin',
  });
}

/**
 * Lets a page of another server read the answer, if it is one that was named.
 * @returns whether that was all that was asked
 */
function allowOrigin({ headers, method }: FastifyRequest, reply: FastifyReply, { origins }: Access): boolean {
  const { origin } = headers;
  if (origins.size === 0) return false;
  reply.header('vary', 'origin');
  if (origin === undefined || !origins.has(origin)) return false;
  reply.header('access-control-allow-origin', origin).header('cross-origin-resource-policy', 'cross-origin');
  if (method !== 'OPTIONS' || headers['access-control-request-method'] === undefined) return false;
  reply
    .header('access-control-allow-methods', 'GET, POST, PATCH, DELETE')
    .header('access-control-allow-headers', 'authorization, content-type, last-event-id')
    .header('access-control-max-age', '600')
    .code(204)
    .send();
  return true;
}

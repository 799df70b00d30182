import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest, FastifySchemaValidationError } from 'fastify';
import { codeOf } from '../errors.ts';
import { isRecord } from '../is-record.ts';
import type { ProblemCode } from './api/schemas.ts';
import type { WebApp } from './context.ts';
import { ProblemError, wrongParameter } from './problem.ts';
import { KnownAddresses } from './routes/other-methods.ts';
import { SourceError, type SourceFault } from './sources/state-source.ts';

const SOURCE_CODES: Readonly<Record<SourceFault, ProblemCode>> = {
  away: 'SOURCE_AWAY',
  refuses: 'SOURCE_REFUSES',
  'too-slow': 'SOURCE_TOO_SLOW',
  'not-found': 'SERIES_NOT_FOUND',
};

/** Every error becomes problem details; what went wrong inside stands in the log alone. */
export function handleErrors(app: WebApp): void {
  const addresses = new KnownAddresses(app);
  app.setErrorHandler((error: unknown, request, reply) => {
    // What is wrong with a request to nowhere is that there is nothing.
    const problem = request.is404 ? nothingThere(addresses, request, reply) : problemOf(error, request);
    if (problem.code === 'INTERNAL')
      request.log.error({ err: error, path: pathOf(request) }, 'a request failed');
    else if (problem.statusCode >= 500)
      request.log.warn({ code: problem.code, path: pathOf(request) }, problem.message);
    send(reply, problem);
  });
  app.setNotFoundHandler((request, reply) => send(reply, nothingThere(addresses, request, reply)));
}

function nothingThere(addresses: KnownAddresses, request: FastifyRequest, reply: FastifyReply): ProblemError {
  const methods = addresses.methodsOf(pathOf(request));
  if (methods.length === 0)
    return new ProblemError(
      'NOT_FOUND',
      `there is no ${pathOf(request).slice(0, 200)}; /docs shows what there is`,
    );
  const allowed = methods.join(', ');
  reply.header('allow', allowed);
  return new ProblemError('METHOD_NOT_ALLOWED', `expected ${allowed}, not ${request.method}`);
}

/** What is no HTTP request, or one with too much at its head, gets an answer all the same. */
export function answerNoRequest(error: Error, socket: Socket): void {
  if (!socket.writable || codeOf(error) === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const isTooLong = codeOf(error) === 'HPE_HEADER_OVERFLOW';
  const problem = isTooLong
    ? new ProblemError('HEAD_TOO_LARGE', 'the address and headers are too long')
    : new ProblemError('PARAMETER_WRONG', 'this is no HTTP request');
  const body = JSON.stringify(problem.toProblem());
  const status = isTooLong ? '431 Request Header Fields Too Large' : '400 Bad Request';
  socket.end(
    `HTTP/1.1 ${status}\r\nConnection: close\r\nContent-Type: application/problem+json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function send(reply: FastifyReply, problem: ProblemError): void {
  const { retryAfterSeconds } = problem.details;
  if (problem.statusCode === 401) reply.header('www-authenticate', 'Bearer');
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds);
  reply.removeHeader('etag');
  reply.removeHeader('content-disposition');
  reply.code(problem.statusCode).type('application/problem+json').send(JSON.stringify(problem.toProblem()));
}

/** Without the query: a token does not belong there, but somebody may have put one. */
function pathOf({ url }: FastifyRequest): string {
  return url.replace(/\?.*/s, '');
}

function problemOf(error: unknown, request: FastifyRequest): ProblemError {
  if (error instanceof ProblemError) return error;
  if (error instanceof SourceError)
    return new ProblemError(SOURCE_CODES[error.fault], error.message, {}, { cause: error });
  if (!isFastifyError(error)) return internal(error);
  if (error.validation !== undefined)
    return validationProblem(error.validation, error.validationContext, request);
  switch (error.statusCode) {
    case 400:
      return new ProblemError('BODY_WRONG', error.message);
    case 404:
      return new ProblemError('NOT_FOUND', error.message);
    case 413:
      return new ProblemError(
        'BODY_TOO_LARGE',
        `the body is longer than ${request.routeOptions.bodyLimit} bytes`,
      );
    case 415:
      return new ProblemError('TYPE_UNSUPPORTED', 'expected a body of application/json or text/plain');
    default:
      return internal(error);
  }
}

function internal(cause: unknown): ProblemError {
  return new ProblemError('INTERNAL', 'something went wrong in the server; its log says what', {}, { cause });
}

function isFastifyError(error: unknown): error is FastifyError {
  return error instanceof Error && 'code' in error && ('statusCode' in error || 'validation' in error);
}

function validationProblem(
  [first]: readonly FastifySchemaValidationError[],
  context: string | undefined,
  request: FastifyRequest,
): ProblemError {
  const isBody = context === 'body';
  const path = first?.instancePath.split('/').slice(1) ?? [];
  const extra = first?.params.additionalProperty;
  const missing = first?.params.missingProperty;
  const name = String(path[0] ?? extra ?? missing ?? (isBody ? 'body' : 'request'));
  const given = isBody ? request.body : context === 'params' ? request.params : request.query;
  const value = memberOf(given, name);
  const schema = isBody ? request.routeOptions.schema?.body : request.routeOptions.schema?.querystring;
  const known = memberOf(schema, 'properties');
  const expected =
    extra === name
      ? `one of ${Object.keys(isRecord(known) ? known : {}).join(', ')}`
      : (descriptionOf(memberOf(known, name)) ?? first?.message ?? 'something else');
  if (!isBody) {
    if (extra === name)
      return new ProblemError(
        'PARAMETER_WRONG',
        `there is no parameter ${name.slice(0, 100)}; there are ${expected.slice(7)}`,
        {
          parameter: name,
          value,
          expected,
        },
      );
    return wrongParameter(name, value, expected);
  }
  const where = path.length > 0 ? path.join('.') : name;
  return new ProblemError('BODY_WRONG', `${where} ${first?.message ?? 'is wrong'}`, {
    parameter: where,
    expected,
  });
}

function descriptionOf(schema: unknown): string | undefined {
  const description = memberOf(schema, 'description');
  return typeof description === 'string' ? description.replace(/\.$/, '') : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return isRecord(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

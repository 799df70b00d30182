import type { Problem, ProblemCode } from './api/schemas.ts';

const STATUS: Readonly<Record<ProblemCode, number>> = {
  PARAMETER_WRONG: 400,
  BODY_WRONG: 400,
  BODY_TOO_LARGE: 413,
  HEAD_TOO_LARGE: 431,
  TYPE_UNSUPPORTED: 415,
  NOT_ACCEPTABLE: 406,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  TOKEN_MISSING: 401,
  TOKEN_WRONG: 401,
  SCOPE_TOO_SMALL: 403,
  TOO_MANY_REQUESTS: 429,
  TOO_MANY_GROUPS: 422,
  RANGE_TOO_LONG: 400,
  OPTIONS_REFUSED: 400,
  SERIES_NOT_FOUND: 404,
  NOTE_NOT_FOUND: 404,
  TASK_NOT_FOUND: 404,
  TASK_NOT_REVIVABLE: 409,
  SESSION_NOT_FOUND: 404,
  POINTS_REFUSED: 422,
  NOT_CONFIGURED: 501,
  SOURCE_AWAY: 503,
  SOURCE_REFUSES: 502,
  SOURCE_TOO_SLOW: 504,
  KAPACITOR_AWAY: 503,
  KAPACITOR_REFUSES: 502,
  AGENT_AWAY: 503,
  INTERNAL: 500,
};

const TITLES: Readonly<Record<ProblemCode, string>> = {
  PARAMETER_WRONG: 'A parameter is wrong',
  BODY_WRONG: 'The body is wrong',
  HEAD_TOO_LARGE: 'The address and headers are too long',
  BODY_TOO_LARGE: 'The body is too large',
  TYPE_UNSUPPORTED: 'A body of this type is not read',
  NOT_ACCEPTABLE: 'There is no answer of this type',
  NOT_FOUND: 'There is nothing here',
  METHOD_NOT_ALLOWED: 'This method is not for this address',
  TOKEN_MISSING: 'A token is needed',
  TOKEN_WRONG: 'The token is wrong',
  SCOPE_TOO_SMALL: 'The token may not do this',
  TOO_MANY_REQUESTS: 'Too many requests',
  TOO_MANY_GROUPS: 'Too many groups',
  RANGE_TOO_LONG: 'The range is too long',
  OPTIONS_REFUSED: 'The options are refused',
  SERIES_NOT_FOUND: 'There is no such series',
  NOTE_NOT_FOUND: 'There is no such note',
  TASK_NOT_FOUND: 'There is no such task',
  TASK_NOT_REVIVABLE: 'The task cannot be revived',
  SESSION_NOT_FOUND: 'There is no such session',
  POINTS_REFUSED: 'The points are refused',
  NOT_CONFIGURED: 'This is not set up',
  SOURCE_AWAY: 'InfluxDB does not answer',
  SOURCE_REFUSES: 'InfluxDB refuses',
  SOURCE_TOO_SLOW: 'InfluxDB takes too long',
  KAPACITOR_AWAY: 'Kapacitor does not answer',
  KAPACITOR_REFUSES: 'Kapacitor refuses',
  AGENT_AWAY: 'The agent does not answer',
  INTERNAL: 'Something went wrong here',
};

export interface ProblemDetails {
  readonly parameter?: string;
  readonly value?: unknown;
  readonly expected?: string;
  /** More members of the problem. */
  readonly more?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
}

/** What is wrong with a request, or keeps it from being answered: becomes problem details (RFC 9457). */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly details: ProblemDetails;

  /** @param detail a sentence for people, without secrets */
  constructor(code: ProblemCode, detail: string, details: ProblemDetails = {}, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
    this.details = details;
  }

  get statusCode(): number {
    return STATUS[this.code];
  }

  toProblem(): Problem {
    const { expected, more, parameter, value } = this.details;
    return {
      type: 'about:blank',
      title: TITLES[this.code],
      status: this.statusCode,
      detail: this.message,
      code: this.code,
      ...(parameter === undefined ? {} : { parameter }),
      ...(value === undefined ? {} : { value }),
      ...(expected === undefined ? {} : { expected }),
      ...more,
    };
  }
}

/** A parameter that is wrong: names it, its value and what was expected. */
export function wrongParameter(parameter: string, value: unknown, expected: string): ProblemError {
  const shown = typeof value === 'string' ? `'${shortened(value)}'` : JSON.stringify(value);
  const detail = value === undefined ? `${parameter} is missing` : `${parameter} is ${shown}`;
  return new ProblemError('PARAMETER_WRONG', `${detail}; expected ${expected}`, {
    parameter,
    expected,
    ...(value === undefined ? {} : { value }),
  });
}

function shortened(text: string): string {
  return text.length > 100 ? `${text.slice(0, 100)}…` : text;
}

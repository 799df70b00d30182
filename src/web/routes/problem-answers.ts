import { Problem } from '../api/schemas.ts';

const problem = {
  description: 'What was wrong, as problem details (RFC 9457).',
  content: { 'application/problem+json': { schema: Problem } },
} as const;

/** Every route may answer so. */
export const problemAnswers = { '4xx': problem, '5xx': problem } as const;

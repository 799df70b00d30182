import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, inject, test } from 'vitest';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { ADSL_POLLS, appOver, sourceOf } from '../../web/app.ts';

const schemathesis = inject('schemathesis');
const run = promisify(execFile);

/** What the document can't say: which text is a time or an option, which database is there, that a stream has no end. */
const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'missing_required_header',
  'unsupported_method',
  'allow_header_conformance',
];

test.skipIf(schemathesis === undefined)(
  'no request that the document allows, or forbids, brings down a route or gets what the document does not say',
  async () => {
    const app = await appOver(sourceOf(ADSL_POLLS));
    const url = await app.listen({ port: 0, host: '127.0.0.1' });
    const { stdout } = await run(
      schemathesis ?? '',
      [
        'run',
        `${url}/openapi.json`,
        ...['--checks', CHECKS.join(',')],
        ...['--exclude-path', '/api/v1/events'],
        // Kapacitor and the agent are not there: 501 says so.
        ...['--exclude-path-regex', '^/api/v1/(?:tasks|agent)'],
        ...['--max-examples', process.env.FUZZ_EXAMPLES ?? '25'],
        ...['--workers', '1', '--seed', '1', '--warnings', 'off'],
        '--no-color',
      ],
      // It leaves notes in the folder that it runs in.
      { maxBuffer: 64 * 1024 * 1024, cwd: temporaryFolder() },
    ).catch((error: { readonly stdout?: string; readonly message: string }) => ({
      stdout: `${error.stdout ?? ''}\n${error.message}\nFAILURES`,
    }));
    // Without the lines that say how to send a request again: they can be very long.
    const said = stdout.replaceAll(/^.{400,}$/gm, (line) => `${line.slice(0, 400)}…`);
    expect(said).not.toMatch(/FAILURES/);
  },
  15 * 60_000,
);

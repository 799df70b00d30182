import { fileURLToPath } from 'node:url';
import { Extractor, ExtractorConfig, ExtractorLogLevel } from '@microsoft/api-extractor';

// `npm run api`: writes the reports of the public entries anew. A test holds the sources against them.

/** The package's public entries. */
export const ENTRIES = ['udf', 'testing'] as const;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Makes the report of what an entry shows, from the declarations in dist/.
 * @param isWritten whether the report in api/ is written anew
 * @returns whether it differs from the one in api/
 */
export function apiReport(entry: (typeof ENTRIES)[number], isWritten: boolean): boolean {
  const config = ExtractorConfig.prepare({
    configObject: {
      projectFolder: ROOT,
      mainEntryPointFilePath: `<projectFolder>/dist/sdk/${entry}.d.ts`,
      compiler: {
        overrideTsconfig: {
          compilerOptions: {
            target: 'es2022',
            lib: ['es2024'],
            module: 'nodenext',
            moduleResolution: 'nodenext',
            types: ['node'],
            strict: true,
            skipLibCheck: true,
          },
          include: ['dist/sdk'],
        },
      },
      apiReport: {
        enabled: true,
        reportFileName: entry,
        reportFolder: '<projectFolder>/api',
        reportTempFolder: `<projectFolder>/dist/api`,
        includeForgottenExports: true,
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      tsdocMetadata: { enabled: false },
      messages: {
        extractorMessageReporting: {
          default: { logLevel: ExtractorLogLevel.Warning },
          // No releases of different kinds, and links within the sources are for those who read them.
          'ae-missing-release-tag': { logLevel: ExtractorLogLevel.None },
          'ae-unresolved-link': { logLevel: ExtractorLogLevel.None },
        },
        tsdocMessageReporting: { default: { logLevel: ExtractorLogLevel.None } },
      },
    },
    configObjectFullPath: undefined,
    packageJsonFullPath: `${ROOT}package.json`,
  });
  const result = Extractor.invoke(config, {
    localBuild: isWritten,
    messageCallback: (message) => {
      message.handled = message.logLevel !== ExtractorLogLevel.Error;
    },
  });
  return result.apiReportChanged;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) for (const entry of ENTRIES) apiReport(entry, true);

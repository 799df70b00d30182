import { ProblemError } from '../problem.ts';

/** The media types of the formats that an answer may have. */
export const MEDIA_TYPES = {
  json: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
  lp: 'text/plain',
} as const;
export type AnswerFormat = keyof typeof MEDIA_TYPES;

/**
 * What the client likes best of what there is.
 * @param accept the header
 * @throws ProblemError if there is nothing that it takes
 */
export function formatOf<Format extends AnswerFormat>(
  accept: string | undefined,
  formats: readonly [Format, ...Format[]],
): Format {
  if (accept === undefined || accept.trim() === '') return formats[0];
  for (const type of wishesOf(accept)) {
    const pattern =
      type === '*/*' ? '' : type.replace(/\*$/, '').replace('application/ndjson', MEDIA_TYPES.ndjson);
    const format = formats.find((each) => MEDIA_TYPES[each].startsWith(pattern));
    if (format !== undefined) return format;
  }
  const types = formats.map((format) => MEDIA_TYPES[format]).join(', ');
  throw new ProblemError('NOT_ACCEPTABLE', `this comes as ${types}`, { parameter: 'accept', value: accept });
}

/** The types of the header, the best first. */
function wishesOf(accept: string): string[] {
  return accept
    .split(',')
    .map((wish) => {
      const [type = '', ...parameters] = wish.split(';').map((part) => part.trim().toLowerCase());
      const quality = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
      return { type, quality: quality === undefined ? 1 : Number(quality) };
    })
    .filter(({ quality, type }) => quality > 0 && type !== '')
    .toSorted((a, b) => b.quality - a.quality)
    .map(({ type }) => type);
}

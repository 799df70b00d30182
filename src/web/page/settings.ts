/** What the page shows. All of it stands in the address, so that every look at something has a link. */
export interface Settings {
  readonly database: string;
  readonly measurement: string;
  readonly field: string;
  readonly group: readonly string[];
  readonly policy: string;
  readonly where: readonly string[];
  readonly options: readonly string[];
  /** The values that count as available. */
  readonly up: readonly string[];
  readonly stale: string;
  /** Either a duration back from now (`24h`), which runs on, or empty: then {@link from} and {@link to} count. */
  readonly range: string;
  /** RFC 3339. */
  readonly from: string;
  readonly to: string;
  readonly filter: string;
  readonly sort: Sort;
  readonly theme: Theme;
  readonly isEmbedded: boolean;
}

export type Sort = 'name' | 'state' | 'since' | 'availability';
export type Theme = 'system' | 'light' | 'dark';

export const SORTS: readonly Sort[] = ['name', 'state', 'since', 'availability'];
export const THEMES: readonly Theme[] = ['system', 'light', 'dark'];

/** The ranges to choose from, up to now. */
export const RANGES = ['1h', '6h', '24h', '7d', '30d', '90d', '365d'] as const;
export const DEFAULT_RANGE = '24h';

/** Reads the address. */
export function readSettings(search: string): Settings {
  const params = new URLSearchParams(search);
  const text = (name: string): string => params.get(name) ?? '';
  const from = text('from');
  const sort = text('sort');
  const theme = text('theme');
  return {
    database: text('database'),
    measurement: text('measurement'),
    field: text('field'),
    group: params.getAll('group'),
    policy: text('policy'),
    where: params.getAll('where'),
    options: params.getAll('options'),
    up: params.getAll('up'),
    stale: text('stale'),
    range: from === '' ? text('range') || DEFAULT_RANGE : '',
    from,
    to: from === '' ? '' : text('to') || new Date().toISOString(),
    filter: text('filter'),
    sort: SORTS.find((each) => each === sort) ?? 'name',
    theme: THEMES.find((each) => each === theme) ?? 'system',
    isEmbedded: text('embed') === '1',
  };
}

/** The address of what is shown; what has its default is left out. */
export function writeSettings(settings: Settings): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(settings)) {
    if (name === 'isEmbedded') {
      if (value === true) params.set('embed', '1');
    } else if (Array.isArray(value)) for (const each of value) params.append(name, String(each));
    else if (value !== '' && !isDefault(name, value)) params.set(name, String(value));
  }
  return `?${params}`;
}

function isDefault(name: string, value: unknown): boolean {
  return (
    (name === 'range' && value === DEFAULT_RANGE) ||
    (name === 'sort' && value === 'name') ||
    (name === 'theme' && value === 'system')
  );
}

/** The parameters by which the API knows a series. */
export function seriesParams(settings: Settings): URLSearchParams {
  const params = new URLSearchParams({
    database: settings.database,
    measurement: settings.measurement,
    field: settings.field,
  });
  for (const name of ['group', 'where', 'options'] as const)
    for (const each of settings[name]) params.append(name, each);
  if (settings.policy !== '') params.set('policy', settings.policy);
  return params;
}

/** Whether a series is chosen. */
export function hasSeries({ database, field, measurement }: Settings): boolean {
  return database !== '' && measurement !== '' && field !== '';
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7, w: 6.048e8 };

/** The milliseconds of `24h`; undefined for anything else. */
export function rangeMs(text: string): number | undefined {
  const [, count, unit = ''] = /^(\d+)([smhdw])$/.exec(text) ?? [];
  const unitMs = UNIT_MS[unit];
  return count === undefined || unitMs === undefined ? undefined : Number(count) * unitMs;
}

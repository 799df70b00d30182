import type { SeriesAnswer } from '../api/schemas.ts';
import { RANGES, type Settings, SORTS, THEMES } from './settings.ts';

export interface HeaderProps {
  readonly settings: Settings;
  readonly series: SeriesAnswer['series'];
  /** The values that there are, for `up`. */
  readonly values: readonly string[];
  readonly isLive: boolean;
  readonly isLoading: boolean;
  readonly trouble: string | undefined;
  onChange(changed: Partial<Settings>): void;
}

/** The line of settings: what is shown, and how. */
export function Header({ isLive, isLoading, onChange, series, settings, trouble, values }: HeaderProps) {
  const chosen = series.find(
    ({ database, measurement }) => database === settings.database && measurement === settings.measurement,
  );
  return (
    <header class="settings">
      <h1>edge-detect</h1>
      <label>
        <span>Series</span>
        <select
          value={keyOf(settings.database, settings.measurement)}
          onChange={(event) => {
            const next = series.find(
              ({ database, measurement }) => keyOf(database, measurement) === event.currentTarget.value,
            );
            if (next !== undefined) onChange(seriesSettings(next));
          }}
        >
          {chosen === undefined && (
            <option value={keyOf(settings.database, settings.measurement)}>choose…</option>
          )}
          {series.map(({ database, measurement }) => (
            <option key={keyOf(database, measurement)} value={keyOf(database, measurement)}>
              {database} ▸ {measurement}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span>Field</span>
        <select
          value={settings.field}
          onChange={(event) => onChange({ field: event.currentTarget.value, up: [] })}
        >
          {(chosen?.fields ?? []).map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      </label>
      <Choices
        title="By"
        options={chosen?.tags ?? []}
        chosen={settings.group}
        none="all in one"
        onChange={(group) => onChange({ group })}
      />
      <Choices
        title="Up"
        options={values}
        chosen={settings.up}
        none="not set"
        onChange={(up) => onChange({ up })}
      />
      <label>
        <span>Filter</span>
        <input
          type="search"
          value={settings.filter}
          placeholder="name or state"
          onInput={(event) => onChange({ filter: event.currentTarget.value })}
        />
      </label>
      <Select title="Sort" value={settings.sort} options={SORTS} onChange={(sort) => onChange({ sort })} />
      <label>
        <span>Range</span>
        <select
          value={settings.range}
          onChange={(event) => onChange({ range: event.currentTarget.value, from: '', to: '' })}
        >
          {settings.range === '' && <option value="">as shown</option>}
          {[...new Set([...RANGES, settings.range])]
            .filter((range) => range !== '')
            .map((range) => (
              <option key={range} value={range}>
                {range}
              </option>
            ))}
        </select>
      </label>
      <Select
        title="Theme"
        value={settings.theme}
        options={THEMES}
        onChange={(theme) => onChange({ theme })}
      />
      <span class={`live ${isLive ? 'on' : 'off'}`} role="status">
        <span class="dot" />{' '}
        {trouble === undefined ? (isLoading ? 'loading' : isLive ? 'live' : '') : 'not live'}
      </span>
    </header>
  );
}

function keyOf(database: string, measurement: string): string {
  return `${database}\n${measurement}`;
}

/** What a series is shown by until somebody says otherwise: its first field, by its first tag. */
export function seriesSettings({
  database,
  fields,
  measurement,
  tags,
}: SeriesAnswer['series'][number]): Partial<Settings> {
  const [tag] = tags.includes('host') ? ['host'] : tags;
  return {
    database,
    measurement,
    field: fields[0]?.name ?? '',
    group: tag === undefined ? [] : [tag],
    policy: '',
    where: [],
    options: [],
    up: [],
    filter: '',
  };
}

interface SelectProps<T extends string> {
  readonly title: string;
  readonly value: T;
  readonly options: readonly T[];
  onChange(value: T): void;
}

function Select<T extends string>({ onChange, options, title, value }: SelectProps<T>) {
  return (
    <label>
      <span>{title}</span>
      <select
        value={value}
        onChange={(event) => {
          const chosen = options.find((each) => each === event.currentTarget.value);
          if (chosen !== undefined) onChange(chosen);
        }}
      >
        {options.map((option) => (
          <option key={option}>{option}</option>
        ))}
      </select>
    </label>
  );
}

interface ChoicesProps {
  readonly title: string;
  readonly options: readonly string[];
  readonly chosen: readonly string[];
  readonly none: string;
  onChange(chosen: readonly string[]): void;
}

/** Some of several. */
function Choices({ chosen, none, onChange, options, title }: ChoicesProps) {
  const all = [...new Set([...options, ...chosen])];
  return (
    <details class="choices">
      <summary>
        <span class="title">{title}</span>{' '}
        <span class="chosen">{chosen.length === 0 ? none : chosen.join(', ')}</span>
      </summary>
      <div class="menu">
        {all.length === 0 && <p class="empty">Nothing to choose.</p>}
        {all.map((option) => (
          <label key={option}>
            <input
              type="checkbox"
              checked={chosen.includes(option)}
              onChange={(event) =>
                onChange(
                  event.currentTarget.checked
                    ? [...chosen, option]
                    : chosen.filter((each) => each !== option),
                )
              }
            />{' '}
            {option}
          </label>
        ))}
      </div>
    </details>
  );
}

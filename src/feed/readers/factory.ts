import { setting, wording } from '../../wording.ts';
import type { Reader } from '../reading.ts';
import { CsvReader } from './csv.ts';
import { JsonReader } from './json.ts';
import { LineReader } from './lines.ts';
import { ReadingNotes } from './notes.ts';
import { Pattern, PatternReader } from './pattern.ts';
import { RecordMapper } from './record-mapper.ts';
import { RecordingReader } from './recording.ts';
import type { Format, ReadSettings } from './settings.ts';
import { ShellTableReader } from './shell-table.ts';

/** A pattern that takes a text apart. */
export interface TextPattern {
  /** A regular expression with named groups. */
  readonly source: string;
  /** Whether each line may match and give a point; else the first match of the text gives one. */
  readonly isPerLine: boolean;
}

/** Readers of texts, all of one format. What one has learned of the types of fields, the next one keeps. */
export class Readers {
  readonly notes: ReadingNotes;
  readonly #settings: ReadSettings;
  readonly #format: Format | TextPattern;
  readonly #name: string;
  readonly #mapper: RecordMapper;
  readonly #pattern: Pattern | undefined;

  /**
   * @param format what the texts hold, or the pattern that takes them apart
   * @param name where the texts come from, for messages
   * @throws InputError if the settings can't be followed: a pattern or zone that is none, a name that it doesn't have
   */
  constructor(
    settings: ReadSettings,
    format: Format | TextPattern,
    name: string,
    notes = new ReadingNotes(),
  ) {
    this.notes = notes;
    this.#settings = settings;
    this.#format = format;
    this.#name = name;
    this.#mapper = new RecordMapper(settings, notes);
    if (typeof format === 'string') return;
    this.#pattern = new Pattern(format.source, (note) => notes.once(note, note));
    this.#mapper.checkNames(this.#pattern.groupNames, wording`named group in ${setting('pattern')}`);
  }

  /** Names that were asked for and that nothing has had. */
  get unseenNames(): readonly string[] {
    return this.#format === 'lp' || this.#format === 'srpl' ? [] : this.#mapper.unseenNames;
  }

  /** A reader of one text. */
  make(): Reader {
    const settings = this.#settings;
    const { fixedTags, precision, takesUnsigned } = settings;
    const lines = { name: this.#name, precision: precision ?? 'ns', fixedTags, takesUnsigned };
    switch (this.#format) {
      case 'lp':
        return new LineReader(lines, this.notes);
      case 'srpl':
        return new RecordingReader(lines);
      case 'json':
      case 'ndjson':
        return new JsonReader(this.#mapper);
      case 'csv':
        return new CsvReader(this.#mapper, settings);
      case 'tsv':
        return new CsvReader(this.#mapper, { ...settings, delimiter: settings.delimiter ?? '\t' });
      case 'table':
        return new ShellTableReader(this.#mapper);
      default:
        if (this.#pattern === undefined) throw new Error('a text that is taken apart has a pattern');
        return new PatternReader(this.#mapper, this.#pattern, this.#format.isPerLine);
    }
  }
}

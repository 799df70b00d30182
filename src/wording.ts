/** How a door calls a setting: a flag, a member of JSON, an option of the SDK. */
export type NameOf = (setting: string) => string;

/** A setting in a {@link wording}, by the name that it has inside: `maxFrameBytes`. */
class Setting {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }
}

/** How this process calls settings where nobody says otherwise. */
let usualNameOf: NameOf = (setting) => setting;

/** To be called once, by whatever the process was started as: the command line calls settings by its flags. */
export function callSettings(nameOf: NameOf): void {
  usualNameOf = nameOf;
}

/** A text that may name settings, which each door calls by names of its own. */
export class Wording {
  readonly #parts: readonly (string | Setting)[];

  /** @internal made by {@link wording} */
  constructor(parts: readonly (string | Setting)[]) {
    this.#parts = parts;
  }

  /** The settings that it names. */
  get settings(): string[] {
    return this.#parts.flatMap((part) => (part instanceof Setting ? [part.name] : []));
  }

  /** The text in the words of a door. */
  say(nameOf: NameOf): string {
    return this.#parts.map((part) => (part instanceof Setting ? nameOf(part.name) : part)).join('');
  }

  /** The text in the words of this process. */
  toString(): string {
    return this.say(usualNameOf);
  }

  /** @internal */
  static partsOf(value: unknown): readonly (string | Setting)[] {
    if (value instanceof Setting) return [value];
    return value instanceof Wording ? value.#parts : [String(value)];
  }
}

/** What stands for a setting in a {@link wording}: a room below the doors does not know what they call it. */
export function setting(name: string): Setting {
  return new Setting(name);
}

/** A text, in a template, whose settings keep their names open. */
export function wording(strings: TemplateStringsArray, ...values: readonly unknown[]): Wording {
  return new Wording(
    strings.flatMap((text, index) =>
      index < values.length ? [text, ...Wording.partsOf(values[index])] : [text],
    ),
  );
}

import iconv from 'iconv-lite';
import { InputError } from '../../errors.ts';
import { setting, wording } from '../../wording.ts';
import { Utf8Decoder } from '../utf8-decoder.ts';

/** Turns bytes, in pieces cut anywhere, into text. */
export interface ByteDecoder {
  /** Whether there were bytes that the encoding does not have; each became U+FFFD. */
  readonly isDamaged: boolean;
  push(chunk: Uint8Array): string;
  end(): string;
}

/**
 * The decoder for a text that begins like this: a byte order mark says more than anybody.
 * @param encoding what it is said to be; undefined: UTF-8
 * @throws InputError if there is no such encoding
 */
export function decoderFor(head: Buffer, encoding: string | undefined): ByteDecoder {
  const marked = markedEncoding(head);
  const name = marked ?? encoding ?? 'utf8';
  if (!iconv.encodingExists(name))
    throw new InputError(
      'BAD_VALUE',
      wording`${setting('encoding')} ${name}: there is no such encoding; name one such as utf-8, latin1, windows-1252 or utf-16le`,
    );
  return /^utf-?8$/i.test(name) ? new Utf8Decoder() : new OtherDecoder(name);
}

/** Decodes what is not UTF-8. */
class OtherDecoder implements ByteDecoder {
  readonly #decoder: ReturnType<typeof iconv.getDecoder>;
  #isDamaged = false;

  constructor(encoding: string) {
    this.#decoder = iconv.getDecoder(encoding);
  }

  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  push(chunk: Uint8Array): string {
    return this.#checked(this.#decoder.write(Buffer.from(chunk)));
  }

  end(): string {
    return this.#checked(this.#decoder.end() ?? '');
  }

  #checked(text: string): string {
    if (text.includes('\uFFFD')) this.#isDamaged = true;
    return text;
  }
}

function markedEncoding(head: Buffer): string | undefined {
  if (head[0] === 0xef && head[1] === 0xbb && head[2] === 0xbf) return 'utf8';
  if (head[0] === 0xff && head[1] === 0xfe)
    return head[2] === 0 && head[3] === 0 && head.length > 3 ? 'utf-32le' : 'utf-16le';
  if (head[0] === 0xfe && head[1] === 0xff) return 'utf-16be';
  return undefined;
}

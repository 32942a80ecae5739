/** Pixels that a header may announce; more is taken for a hostile or damaged file. */
export const MAX_PIXELS = 50_000_000;
/** The largest sample value that the format allows. */
const MAX_SAMPLE = 65_535;

export type PixelImage = {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Row by row, channels interleaved, scaled to 0 … 255. */
  readonly data: Uint8Array;
};

/** Begins a comment, which runs to the end of its line. */
const HASH = 0x23;

const FORMS = { P2: [1, false], P3: [3, false], P5: [1, true], P6: [3, true] } as const;

/** Whether bytes begin as a PGM or PPM file does. */
export function isPnm(bytes: Uint8Array): boolean {
  return bytes.length > 2 && bytes[0] === 0x50 && [0x32, 0x33, 0x35, 0x36].includes(bytes[1] ?? 0);
}

/**
 * Reads PGM and PPM (netpbm), plain and raw, 8 and 16 bits; sharp reads neither.
 * @throws Error that says what was expected and what was found
 */
export function readPnm(bytes: Uint8Array): PixelImage {
  const reader = new TokenReader(bytes);
  const form = FORMS[reader.token() as keyof typeof FORMS];
  if (form === undefined) throw new Error('expected a PGM or PPM file beginning with P2, P3, P5 or P6');
  const [channels, raw] = form;
  const width = reader.integer('a width', MAX_PIXELS);
  const height = reader.integer('a height', MAX_PIXELS);
  const maximum = reader.integer('a largest value', MAX_SAMPLE);
  if (width * height > MAX_PIXELS) {
    throw new Error(`expected at most ${MAX_PIXELS} pixels; found a header of ${width} × ${height}`);
  }
  const samples = width * height * channels;
  const at = raw ? rawSamples(bytes, reader.position + 1, samples, maximum) : plainSamples(reader, samples);
  const data = new Uint8Array(samples);
  for (let i = 0; i < samples; i += 1) data[i] = Math.min(255, Math.round((at(i) * 255) / maximum));
  return { width, height, channels, data };
}

function rawSamples(bytes: Uint8Array, start: number, count: number, maximum: number): (i: number) => number {
  const width = maximum > 255 ? 2 : 1;
  if (bytes.length - start < count * width) {
    throw new Error(`expected ${count * width} bytes of pixels; found ${Math.max(0, bytes.length - start)}`);
  }
  if (width === 1) return (i) => bytes[start + i] ?? 0;
  return (i) => ((bytes[start + 2 * i] ?? 0) << 8) | (bytes[start + 2 * i + 1] ?? 0);
}

function plainSamples(reader: TokenReader, count: number): (i: number) => number {
  // A sample takes two bytes at least, its digit and a space: a short file is refused before memory is taken.
  if (reader.bytesLeft < 2 * count - 1) {
    throw new Error(`expected ${count} values; found ${reader.bytesLeft} bytes`);
  }
  const values = Uint16Array.from({ length: count }, () => reader.integer('a value', MAX_SAMPLE, 0));
  return (i) => values[i] ?? 0;
}

class TokenReader {
  position = 0;

  constructor(private readonly bytes: Uint8Array) {}

  get bytesLeft(): number {
    return this.bytes.length - this.position;
  }

  token(): string {
    this.skipBlanksAndComments();
    const start = this.position;
    while (this.position < this.bytes.length && !endsToken(this.bytes[this.position])) this.position += 1;
    return String.fromCharCode(...this.bytes.subarray(start, Math.min(this.position, start + 20)));
  }

  integer(what: string, maximum: number, minimum = 1): number {
    const token = this.token();
    const value = /^\d+$/.test(token) ? Number(token) : Number.NaN;
    if (value >= minimum && value <= maximum) return value;
    throw new Error(`expected ${what} from ${minimum} to ${maximum}; found ${JSON.stringify(token)}`);
  }

  private skipBlanksAndComments(): void {
    for (; this.position < this.bytes.length; this.position += 1) {
      const byte = this.bytes[this.position];
      if (byte === HASH) {
        while (this.position < this.bytes.length && this.bytes[this.position] !== 0x0a) this.position += 1;
      } else if (!isBlank(byte)) return;
    }
  }
}

/** netpbm takes a comment for white space, so it ends a number that it touches. */
function endsToken(byte: number | undefined): boolean {
  return byte === HASH || isBlank(byte);
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || (byte !== undefined && byte >= 0x09 && byte <= 0x0d);
}

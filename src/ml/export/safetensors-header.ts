import { MlError } from '../ml-error.js';

/** Bytes of one value of each type that the format knows. */
const BYTES_PER_VALUE = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
} as const;
export type SafetensorsType = keyof typeof BYTES_PER_VALUE;

/** Bytes ahead of the header: its length, a 64-bit number, little endian. */
export const LENGTH_BYTES = 8;
/** The format's own limit of the header. */
export const MAX_HEADER_BYTES = 100_000_000;

export type TensorEntry = {
  readonly type: SafetensorsType;
  readonly shape: readonly number[];
  /** Where its bytes lie, relative to the end of the header. */
  readonly begin: number;
  readonly end: number;
};

export type SafetensorsHeader = {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: Readonly<Record<string, string>>;
};

/**
 * The length of the header, from the first eight bytes of a file of `fileBytes`.
 * @throws MlError `safetensors_invalid` when it cannot be one, before anything of that size is allocated
 */
export function headerLength(start: Uint8Array, fileBytes: number): number {
  if (start.byteLength < LENGTH_BYTES) {
    throw invalid(`at least ${LENGTH_BYTES} bytes`, `${start.byteLength}`);
  }
  const length = new DataView(start.buffer, start.byteOffset).getBigUint64(0, true);
  if (length > BigInt(MAX_HEADER_BYTES)) {
    throw invalid(`a header of at most ${MAX_HEADER_BYTES} bytes`, `a length of ${length}`);
  }
  if (Number(length) > fileBytes - LENGTH_BYTES) {
    throw invalid(`a header within the file's ${fileBytes} bytes`, `a length of ${length}`);
  }
  return Number(length);
}

/**
 * Parses and checks a header. The tensors must cover the `dataBytes` after it without gap and without overlap, as the
 * format asks, so that no tensor reads another's bytes and nothing is hidden between them.
 * @throws MlError `safetensors_invalid` naming the tensor, what was expected and what was found
 */
export function parseHeader(json: Uint8Array, dataBytes: number): SafetensorsHeader {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(json));
  } catch (error) {
    throw invalid('a header of JSON', (error as Error).message);
  }
  if (!isRecord(parsed)) throw invalid('a header that is a JSON object', kindOf(parsed));
  const { __metadata__: metadata = {}, ...entries } = parsed;
  if (!isRecord(metadata) || Object.values(metadata).some((value) => typeof value !== 'string')) {
    throw invalid('a __metadata__ of texts', kindOf(metadata));
  }
  const tensors = new Map(Object.entries(entries).map(([name, entry]) => [name, parseEntry(name, entry)]));
  assertCovered(tensors, dataBytes);
  return { tensors, metadata: metadata as Record<string, string> };
}

function parseEntry(name: string, entry: unknown): TensorEntry {
  if (!isRecord(entry)) throw invalid(`an object that describes ${name}`, kindOf(entry));
  const { dtype, shape, data_offsets: offsets } = entry;
  if (typeof dtype !== 'string' || !Object.hasOwn(BYTES_PER_VALUE, dtype)) {
    throw invalid(`a known dtype of ${name}`, JSON.stringify(dtype) ?? 'nothing');
  }
  if (!isCounts(shape))
    throw invalid(`a shape of ${name} of whole numbers`, JSON.stringify(shape) ?? 'nothing');
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw invalid(`two data_offsets of ${name}`, JSON.stringify(offsets) ?? 'nothing');
  }
  const type = dtype as SafetensorsType;
  const [begin, end] = offsets as [number, number];
  const bytes = shape.reduce((product, length) => product * length, BYTES_PER_VALUE[type]);
  if (end - begin !== bytes) {
    throw invalid(`${bytes} bytes of ${name}, ${type} [${shape}]`, `data_offsets [${begin}, ${end}]`);
  }
  return { type, shape, begin, end };
}

function assertCovered(tensors: ReadonlyMap<string, TensorEntry>, dataBytes: number): void {
  const ordered = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const [name, { begin, end }] of ordered) {
    if (begin !== covered) {
      const what = begin < covered ? 'an overlap' : 'a gap';
      throw invalid(`${name} to begin at byte ${covered}`, `${what}: it begins at ${begin}`);
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    throw invalid(`${covered} bytes of tensors, as the header says`, `${dataBytes}`);
  }
}

/** The bytes ahead of the tensors: length and header, padded with spaces so that the tensors begin at a multiple of 8. */
export function encodeHeader({ tensors, metadata }: SafetensorsHeader): Uint8Array {
  const entries = [...tensors].map(([name, { type, shape, begin, end }]) => [
    name,
    { dtype: type, shape, data_offsets: [begin, end] },
  ]);
  const json = Buffer.from(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  const padding = Buffer.alloc((LENGTH_BYTES - (json.byteLength % LENGTH_BYTES)) % LENGTH_BYTES, ' ');
  const length = Buffer.alloc(LENGTH_BYTES);
  length.writeBigUInt64LE(BigInt(json.byteLength + padding.byteLength));
  return Buffer.concat([length, json, padding]);
}

function isCounts(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((entry) => Number.isSafeInteger(entry) && entry >= 0);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  return value === null ? 'null' : typeof value;
}

export function invalid(expected: string, found: string): MlError {
  return new MlError(
    'safetensors_invalid',
    'data',
    `The safetensors file is damaged: expected ${expected}; found ${found}.`,
  );
}

import { createReadStream } from 'node:fs';
import { type CsvError, parse } from 'csv-parse';
import { MlError } from '../../ml-error.js';
import { BOX_COLUMNS, LANDMARK_COLUMNS, type ManifestLine, manifestInvalid, quote } from './manifest-row.js';

/** A line with all columns takes a few hundred bytes; a longer one than this is no manifest's. */
const MAX_LINE_BYTES = 64 * 1024;
const REQUIRED = ['path', 'label'] as const;

/**
 * The lines of a CSV manifest, read as a stream. The first names the columns.
 * @throws MlError `manifest_invalid` with the line's number
 */
export async function* readCsvLines(path: string, name: string): AsyncGenerator<ManifestLine> {
  const parser = parse({ bom: true, info: true, skip_empty_lines: true, max_record_size: MAX_LINE_BYTES });
  const source = createReadStream(path);
  // `pipe` passes no error on; the reading loop would wait for ever.
  source.on('error', (error) => parser.destroy(error));
  try {
    let columns: readonly string[] | null = null;
    for await (const { record, info } of source.pipe(parser) as AsyncIterable<CsvRecord>) {
      if (columns === null) columns = toColumns(record, name);
      else {
        const cells = new Map(columns.map((column, i) => [column, record[i] ?? '']));
        yield { line: info.lines, cells };
      }
    }
    if (columns === null) throw manifestInvalid('a first line that names the columns', 'nothing', { name });
  } catch (error) {
    throw error instanceof MlError ? error : toMlError(error as CsvError, name);
  } finally {
    source.destroy();
  }
}

type CsvRecord = { readonly record: readonly string[]; readonly info: { readonly lines: number } };

function toColumns(header: readonly string[], name: string): string[] {
  const columns = header.map((column) => column.trim());
  const missing = REQUIRED.filter((column) => !columns.includes(column));
  if (missing.length > 0)
    throw manifestInvalid(
      `the columns ${REQUIRED.join(' and ')}`,
      `none named "${missing.join('" and "')}"`,
      { line: 1, name },
    );
  const twice = columns.find((column, i) => columns.indexOf(column) !== i);
  if (twice !== undefined)
    throw manifestInvalid('each column once', `two named ${quote(twice)}`, { line: 1, name });
  return columns;
}

function toMlError(error: CsvError & NodeJS.ErrnoException, name: string): MlError {
  const { code, lines } = error;
  const line = typeof lines === 'number' ? lines : undefined;
  const found = CSV_FAULTS.get(code) ?? `an error (${code})`;
  return manifestInvalid('comma-separated values', found, line === undefined ? { name } : { line, name });
}

const CSV_FAULTS = new Map<string, string>([
  ['CSV_RECORD_INCONSISTENT_FIELDS_LENGTH', 'another number of cells than columns'],
  ['CSV_MAX_RECORD_SIZE', `a line of more than ${MAX_LINE_BYTES} bytes`],
  ['CSV_QUOTE_NOT_CLOSED', 'a quotation mark that is never closed'],
  ['INVALID_OPENING_QUOTE', 'a quotation mark within a cell that none opens'],
  ['CSV_INVALID_CLOSING_QUOTE', 'text after a closing quotation mark'],
]);

/**
 * The lines of a JSONL manifest, read as a stream; empty ones are passed over. `box` may be [x, y, w, h], and
 * `landmarks` five pairs or ten numbers.
 * @throws MlError `manifest_invalid` with the line's number
 */
export async function* readJsonLines(path: string, name: string): AsyncGenerator<ManifestLine> {
  let line = 0;
  for await (const text of readTextLines(path, name)) {
    line += 1;
    if (text.trim() !== '') yield { line, cells: toCells(text, { line, name }) };
  }
}

function toCells(text: string, at: { readonly line: number; readonly name: string }): Map<string, string> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw manifestInvalid('a JSON object', quote(text), at);
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw manifestInvalid('a JSON object', quote(text), at);
  const cells = new Map<string, string>();
  const spread = (columns: readonly string[], values: unknown, column: string): void => {
    const flat = Array.isArray(values) ? values.flat() : [];
    if (flat.length !== columns.length || flat.some((each) => typeof each !== 'number'))
      throw manifestInvalid(`${columns.length} numbers as "${column}"`, quote(JSON.stringify(values)), at);
    for (const [i, each] of columns.entries()) cells.set(each, String(flat[i]));
  };
  for (const [column, each] of Object.entries(value)) {
    if (each === null) continue;
    if (column === 'box') spread(BOX_COLUMNS, each, column);
    else if (column === 'landmarks') spread(LANDMARK_COLUMNS, each, column);
    else if (typeof each === 'object')
      throw manifestInvalid(`text or a number as ${quote(column)}`, quote(JSON.stringify(each)), at);
    else cells.set(column, String(each));
  }
  return cells;
}

/**
 * As node:readline reads them, but a line without an end is refused instead of kept.
 * @throws MlError `manifest_invalid` with the line's number
 */
export async function* readTextLines(path: string, name: string): AsyncGenerator<string> {
  let rest = '';
  let line = 1;
  const stream = createReadStream(path, { encoding: 'utf8', highWaterMark: MAX_LINE_BYTES });
  for await (const chunk of stream as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const text of lines) {
      yield text;
      line += 1;
    }
    if (rest.length > MAX_LINE_BYTES) {
      throw manifestInvalid('lines of text', `a line of more than ${MAX_LINE_BYTES} bytes`, { line, name });
    }
  }
  if (rest !== '') yield rest;
}

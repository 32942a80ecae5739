import { posix } from 'node:path';
import { MlError } from '../../ml-error.js';
import type { ImageRegion, SplitPart } from '../image-entry.js';
import { SPLIT_PARTS } from '../image-entry.js';

/** A line of a manifest as it is written: its cells by column. */
export type ManifestLine = {
  readonly line: number;
  readonly cells: ReadonlyMap<string, string>;
};

export type ManifestRow = {
  readonly line: number;
  /** Within the dataset, with forward slashes and neither `.` nor `..`. */
  readonly path: string;
  readonly label: string;
  readonly split?: SplitPart | undefined;
  readonly region?: ImageRegion | undefined;
  readonly attributes?: Readonly<Record<string, string>> | undefined;
};

export const BOX_COLUMNS = ['x', 'y', 'w', 'h'] as const;
/** The columns of CelebA's `list_landmarks`: left and right as seen in the image. */
export const LANDMARK_COLUMNS = [
  'lefteye_x',
  'lefteye_y',
  'righteye_x',
  'righteye_y',
  'nose_x',
  'nose_y',
  'leftmouth_x',
  'leftmouth_y',
  'rightmouth_x',
  'rightmouth_y',
] as const;
const KNOWN = new Set<string>(['path', 'label', 'split', ...BOX_COLUMNS, ...LANDMARK_COLUMNS]);

const MAX_NAME = 255;
const MAX_PATH = 4096;
/** No image has coordinates beyond it; a square of it still fits a double exactly. */
const MAX_COORDINATE = 1_000_000;

/**
 * What one line of a manifest says. Landmarks win over a box. An empty cell counts as left out.
 * @param name of the manifest, for messages
 * @throws MlError `manifest_invalid` that names the line, the column, what was expected and what was found
 */
export function toManifestRow({ line, cells }: ManifestLine, name: string): ManifestRow {
  const refuse = (expected: string, found: string): never => {
    throw manifestInvalid(expected, found, { line, name });
  };
  const cell = (column: string): string | undefined => cells.get(column)?.trim() || undefined;
  const path = cell('path') ?? refuse('a path', 'nothing');
  const reason = whyNotPath(path);
  if (reason !== null) refuse('a path within the dataset, such as "people/1.jpg"', reason);
  const label = cell('label') ?? refuse('a label', 'nothing');
  if (label.length > MAX_NAME || hasControl(label))
    refuse(`a label of at most ${MAX_NAME} printable characters`, quote(label));
  const split = cell('split');
  if (split !== undefined && !isSplitPart(split))
    return refuse(`a split of ${SPLIT_PARTS.join(', ')}`, quote(split));
  const numbersOf = (columns: readonly string[]): number[] | undefined => {
    const texts = columns.map(cell);
    if (texts.every((text) => text === undefined)) return undefined;
    return texts.map((text, i) => {
      const value = Number(text ?? Number.NaN);
      if (Math.abs(value) <= MAX_COORDINATE) return value;
      return refuse(
        `a number of at most ${MAX_COORDINATE} as "${columns[i]}"`,
        text === undefined ? 'nothing' : quote(text),
      );
    });
  };
  const points = numbersOf(LANDMARK_COLUMNS);
  const box = numbersOf(BOX_COLUMNS);
  if (points !== undefined && new Set(points.filter((_, i) => i % 2 === 0)).size === 1)
    if (new Set(points.filter((_, i) => i % 2 === 1)).size === 1)
      refuse('five landmarks', 'the same point five times');
  const [x = 0, y = 0, width = 0, height = 0] = box ?? [];
  if (box !== undefined && (width <= 0 || height <= 0))
    refuse('a box of positive width and height', `${width} × ${height}`);
  return {
    line,
    path: posix.normalize(path),
    label,
    split,
    region:
      points !== undefined ? { kind: 'landmarks', points } : box && { kind: 'box', x, y, width, height },
    attributes: attributesOf(cells),
  };
}

export function manifestInvalid(
  expected: string,
  found: string,
  { line, name }: { readonly line?: number; readonly name: string },
): MlError {
  const where = line === undefined ? name : `line ${line} of ${name}`;
  return new MlError('manifest_invalid', 'data', `Expected ${expected} in ${where}; found ${found}.`);
}

/** A client's own text in a message, cut to a length that fits one. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
}

function whyNotPath(path: string): string | null {
  if (path.length > MAX_PATH) return `one of ${path.length} characters`;
  if (hasControl(path) || path.includes('\\'))
    return `${quote(path)}, with a character that no path may hold`;
  if (posix.isAbsolute(path) || /^[A-Za-z]:/.test(path)) return `the absolute path ${quote(path)}`;
  return path.split('/').includes('..') ? `${quote(path)}, which steps up with ".."` : null;
}

function hasControl(text: string): boolean {
  return /\p{Cc}/u.test(text);
}

function isSplitPart(text: string): text is SplitPart {
  return (SPLIT_PARTS as readonly string[]).includes(text);
}

function attributesOf(cells: ReadonlyMap<string, string>): Readonly<Record<string, string>> | undefined {
  const further = [...cells].filter(([column, text]) => !KNOWN.has(column) && text !== '');
  return further.length === 0 ? undefined : Object.fromEntries(further);
}

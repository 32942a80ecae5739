import { realpath } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { MlError } from '../../ml-error.js';
import type { IgnoredFile } from '../class-folder.js';
import type { ImageEntry } from '../image-entry.js';
import type { Dataset } from './dataset.js';
import { assertFileWithin, whyNotFile } from './file-within.js';
import { readCsvLines, readJsonLines } from './manifest-lines.js';
import { type ManifestRow, manifestInvalid, toManifestRow } from './manifest-row.js';

/** Files that are looked up at once. */
const LOOKUPS = 64;

/**
 * A dataset that a CSV or JSONL manifest lists; its paths are relative to the manifest's folder. What a line says is
 * checked strictly, and one wrong line refuses the dataset; a file that is missing, or that a link takes out of the
 * folder, is listed as ignored. An image may be listed several times, for several parts of it.
 * @throws MlError `manifest_invalid` with the line's number, `dataset_empty` for a manifest without rows
 */
export async function readManifestDataset(path: string, signal?: AbortSignal): Promise<Dataset> {
  const root = await realpath(dirname(path));
  const name = basename(path);
  // A manifest that is a link could show, in an error, lines of any file of the server.
  await assertFileWithin(root, name);
  const rows: ManifestRow[] = [];
  const lines = extname(name).toLowerCase() === '.csv' ? readCsvLines(path, name) : readJsonLines(path, name);
  for await (const line of lines) rows.push(toManifestRow(line, name));
  if (rows.length === 0)
    throw new MlError('dataset_empty', 'data', `Expected images listed in ${name}; found none.`);
  const ignored: IgnoredFile[] = [];
  const found: ManifestRow[] = [];
  for (let start = 0; start < rows.length; start += LOOKUPS) {
    signal?.throwIfAborted();
    const part = rows.slice(start, start + LOOKUPS);
    const reasons = await Promise.all(part.map((row) => whyNotFile(root, row.path)));
    part.forEach((row, i) => {
      const reason = reasons[i] ?? null;
      if (reason === null) found.push(row);
      else ignored.push({ path: row.path, reason: `line ${row.line}: ${reason}` });
    });
  }
  const classNames = [...new Set(rows.map(({ label }) => label))].sort(byCodeUnit);
  assertOnce(found, name);
  return { form: 'manifest', classNames, images: toEntries(found, root, classNames), ignored };
}

function toEntries(rows: readonly ManifestRow[], root: string, classNames: readonly string[]): ImageEntry[] {
  const labels = new Map(classNames.map((each, label) => [each, label]));
  const uses = new Map<string, number>();
  return rows.map(({ path, label, split, region, attributes }) => {
    const use = (uses.get(path) ?? 0) + 1;
    uses.set(path, use);
    return {
      path: join(root, path),
      relativePath: use === 1 ? path : `${path}#${use}`,
      label: labels.get(label) as number,
      split,
      region,
      attributes,
    };
  });
}

/** The same part of the same image, listed twice, would be trained on twice, perhaps under two labels. */
function assertOnce(rows: readonly ManifestRow[], name: string): void {
  const lineOf = new Map<string, number>();
  for (const { path, region, line } of rows) {
    const key = `${path}\0${JSON.stringify(region)}`;
    const earlier = lineOf.get(key);
    if (earlier !== undefined)
      throw manifestInvalid('each image once', `"${path}" again, as in line ${earlier}`, { line, name });
    lineOf.set(key, line);
  }
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

import { extname } from 'node:path';

const BY_EXTENSION = new Map([
  ['.json', 'application/json'],
  ['.jsonl', 'application/x-ndjson'],
  ['.csv', 'text/csv; charset=utf-8'],
  ['.txt', 'text/plain; charset=utf-8'],
  ['.md', 'text/markdown; charset=utf-8'],
]);

/** The media type of an artifact, from its name. What is not listed is bytes, which browsers save and never run. */
export function contentTypeOf(name: string): string {
  return BY_EXTENSION.get(extname(name)) ?? 'application/octet-stream';
}

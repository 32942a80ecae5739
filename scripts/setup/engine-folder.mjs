import { readdirSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { makeFolder } from './cache-folder.mjs';
import { explainDiskError } from './setup-error.mjs';

const DRAFT_PREFIX = '.draft-';

/**
 * Fills a folder out of sight and renames it into place, so that `target` is absent or whole whenever it is looked at.
 * Drafts of killed set-ups are removed first; call it under the lock.
 * @param {string} target
 * @param {(draft: string) => Promise<void>} fill
 */
export async function buildFolder(target, fill) {
  const parent = dirname(target);
  removeDrafts(parent);
  const draft = join(parent, `${DRAFT_PREFIX}${process.pid}`);
  try {
    makeFolder(draft);
    await fill(draft);
    replaceFolder(draft, target);
  } catch (error) {
    throw explainDiskError(error, parent);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** @param {string} parent */
function removeDrafts(parent) {
  makeFolder(parent);
  for (const name of readdirSync(parent)) {
    // Retried: a child of the killed set-up may still be writing there for a moment.
    if (name.startsWith(DRAFT_PREFIX))
      rmSync(join(parent, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}

/**
 * A folder cannot be renamed over a filled one, so the old one steps aside; processes that run from it keep their
 * open files.
 * @param {string} draft
 * @param {string} target
 */
function replaceFolder(draft, target) {
  const aside = join(dirname(target), `${DRAFT_PREFIX}old-${process.pid}`);
  try {
    renameSync(target, aside);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'ENOENT') throw error;
  }
  renameSync(draft, target);
  rmSync(aside, { recursive: true, force: true });
}

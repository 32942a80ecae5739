import { expect, it } from 'vitest';
import { failureReason } from '../../../src/ml/data/failure-reason.js';

it('keeps the line that says it, and the path out of it', () => {
  const path = "/srv/my data/it's.png";
  expect(failureReason(new Error(`ENOENT: no such file, open '${path}'`), path)).toBe(
    'ENOENT: no such file, open the file',
  );
  expect(failureReason(new Error(`cannot read ${path}: closed`), path)).toBe('cannot read the file: closed');
  expect(failureReason(new Error('heif: expected image/avif\n (2.1)'), path)).toBe(
    'heif: expected image/avif',
  );
  expect(failureReason(new Error('source: bad seek to 9\nheif: too short'), path)).toBe('heif: too short');
  expect(failureReason('a string', path)).toBe('a string');
  expect(failureReason(new Error(''), path)).toBe('');
});

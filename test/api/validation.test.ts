import { expect, it } from 'vitest';
import { validatorCompiler } from '../../src/api/validation.js';

it('refuses a number in a query string that is too large to be one', () => {
  const schema = { type: 'object', properties: { limit: { type: 'integer', minimum: 1, maximum: 100 } } };
  const validate = validatorCompiler({ schema, httpPart: 'querystring' } as never);
  expect(validate({ limit: '7' })).toBe(true);
  expect(validate({ limit: '1e999' })).toBe(false);
  expect(validate({ limit: '101' })).toBe(false);
});

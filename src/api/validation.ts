import { Ajv, type Options, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';
import type { FastifySchemaCompiler } from 'fastify';
import type { TSchema } from 'typebox';

// `verbose` keeps the value found with each error. Nothing is removed: a misspelt field must be refused, not dropped.
const options: Options = { allErrors: true, verbose: true, removeAdditional: false, useDefaults: true };

/** In a body, "30" is a string where a number was expected; in a query string everything is text. */
const strict = new Ajv({ ...options, coerceTypes: false });
const coercing = new Ajv({ ...options, coerceTypes: true });
for (const ajv of [strict, coercing]) formats.default(ajv);

export const validatorCompiler: FastifySchemaCompiler<TSchema> = ({ schema, httpPart, contentType }) => {
  // The parts of a form are read, and limited, one after another by the route.
  if (contentType === 'multipart/form-data') return () => true;
  return httpPart === 'body' ? strict.compile(schema) : compileCoercing(schema);
};

/** Ajv makes Infinity of "1e999" and passes it over; as a number, which it is by then, it is refused. */
function compileCoercing(schema: TSchema): ValidateFunction {
  const validate = coercing.compile(schema);
  const twice = (data: unknown): boolean => {
    const isRight = validate(data) && validate(data);
    checked.errors = validate.errors ?? null;
    return isRight;
  };
  const checked = twice as unknown as ValidateFunction;
  return checked;
}

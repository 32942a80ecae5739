import type { TObject } from 'typebox';

/**
 * An input's schema as clients see it: a field with a default may be left out. TypeBox lists such fields as required,
 * which is true of the value that a handler gets, once Ajv has filled the defaults in.
 */
export function asInput<T extends TObject>(schema: T): T {
  const properties: Record<string, object> = schema.properties;
  const required = schema.required.filter((name) => !('default' in (properties[name] ?? {})));
  return { ...schema, required };
}

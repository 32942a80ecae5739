import type { TObject } from 'typebox';

/**
 * An input's schema as clients see it: a field with a default may be left out, at every depth. TypeBox lists such fields as
 * required, which is true of the value that a handler gets, once Ajv has filled the defaults in.
 */
export function asInput<T extends TObject>(schema: T): T {
  const properties: Record<string, object> = {};
  for (const [name, property] of Object.entries(schema.properties)) {
    properties[name] = isObjectSchema(property) ? asInput(property) : property;
  }
  const required = (schema.required ?? []).filter((name) => !('default' in (properties[name] ?? {})));
  return { ...schema, properties, required };
}

function isObjectSchema(schema: object): schema is TObject {
  return 'properties' in schema;
}

import type { ErrorObject } from 'ajv';
import type { FieldError } from './problem.js';

/** Longest excerpt of a client's own value that goes back to it. */
const EXCERPT = 80;

/**
 * Turns what Ajv found (with `allErrors` and `verbose`) into one entry per wrong field. Of a union only the summary is
 * kept, since its branches contradict each other.
 */
export function toFieldErrors(errors: readonly ErrorObject[]): FieldError[] {
  const unions = errors.filter(({ keyword }) => keyword === 'anyOf').map(({ schemaPath }) => schemaPath);
  return errors
    .filter(({ schemaPath }) => !unions.some((union) => schemaPath.startsWith(`${union}/`)))
    .map(toFieldError);
}

function toFieldError(error: ErrorObject): FieldError {
  const path = error.instancePath.split('/').slice(1).map(unescapePointer);
  const params = error.params as Record<string, unknown>;
  if (error.keyword === 'additionalProperties') {
    const name = String(params.additionalProperty);
    const known = Object.keys((error.parentSchema as { properties?: object }).properties ?? {});
    return {
      field: [...path, name].join('.'),
      expected: `one of the fields ${known.join(', ')}`,
      found: `the unknown field "${excerpt(name)}"`,
    };
  }
  if (error.keyword === 'required') {
    const name = String(params.missingProperty);
    const schema = (error.parentSchema as { properties?: Record<string, { type?: string }> }).properties?.[
      name
    ];
    return { field: [...path, name].join('.'), expected: aValue(schema?.type), found: 'nothing' };
  }
  return { field: path.join('.'), expected: expectation(error, params), found: found(error.data) };
}

function expectation(error: ErrorObject, params: Record<string, unknown>): string {
  switch (error.keyword) {
    case 'type':
      return aValue(String(params.type));
    case 'enum':
      return `one of ${(params.allowedValues as unknown[]).map((value) => JSON.stringify(value)).join(', ')}`;
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum':
      return `a number ${params.comparison} ${params.limit}`;
    case 'multipleOf':
      return `a multiple of ${params.multipleOf}`;
    case 'minLength':
      return `at least ${params.limit} character(s)`;
    case 'maxLength':
      return `at most ${params.limit} characters`;
    case 'pattern':
      return `text that matches ${params.pattern}`;
    case 'anyOf':
      return (error.schema as Branch[]).map(branchOf).join(', or ');
    default:
      return error.message ?? error.keyword;
  }
}

type Branch = {
  readonly const?: unknown;
  readonly type?: string;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
};

/** One form that a value may have. */
function branchOf({ const: only, type, minimum, exclusiveMinimum, maximum }: Branch): string {
  if (only !== undefined) return JSON.stringify(only);
  const limits = [
    ...(minimum === undefined ? [] : [`>= ${minimum}`]),
    ...(exclusiveMinimum === undefined ? [] : [`> ${exclusiveMinimum}`]),
    ...(maximum === undefined ? [] : [`<= ${maximum}`]),
  ];
  return [aValue(type), limits.join(' and ')].join(' ').trim();
}

function aValue(type: string | undefined): string {
  if (type === undefined) return 'a value';
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`;
}

function found(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (Array.isArray(value)) return 'an array';
  if (value !== null && typeof value === 'object') return 'an object';
  return excerpt(JSON.stringify(value));
}

function excerpt(text: string): string {
  return text.length > EXCERPT ? `${text.slice(0, EXCERPT)}…` : text;
}

function unescapePointer(token: string): string {
  return token.replaceAll('~1', '/').replaceAll('~0', '~');
}

import { STATUS_CODES } from 'node:http';
import { type Static, Type } from 'typebox';

/** One wrong field of a request. */
export const FieldError = Type.Object({
  field: Type.String({ description: 'Name of the field; nested ones are joined by dots. Empty: the whole.' }),
  expected: Type.String(),
  found: Type.String(),
});
export type FieldError = Static<typeof FieldError>;

/** A problem document (RFC 9457): the body of every error. */
export const ProblemDocument = Type.Object(
  {
    type: Type.String({ description: 'A URN that names the kind of problem; clients may branch on it.' }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String({ description: 'What was expected and what was found.' }),
    errors: Type.Optional(
      Type.Array(FieldError, { description: 'Each wrong or unknown field of the request.' }),
    ),
  },
  { $id: 'Problem', description: 'A problem document, as RFC 9457 defines it.' },
);
export type ProblemDocument = Static<typeof ProblemDocument>;

/** Refers to `ProblemDocument` by its `$id`, so that the OpenAPI document spells it out once. */
export const ProblemRef = Type.Unsafe<ProblemDocument>({ $ref: 'Problem#' });

export const PROBLEM_MEDIA_TYPE = 'application/problem+json';

type ProblemOptions = {
  readonly errors?: readonly FieldError[];
  readonly headers?: Readonly<Record<string, string>>;
};

/** A refusal that a route throws; the error handler sends it as a problem document. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly errors: readonly FieldError[];
  readonly headers: Readonly<Record<string, string>>;

  /** `code` becomes the last part of the document's `type`. */
  constructor(
    readonly statusCode: number,
    readonly code: string,
    detail: string,
    { errors = [], headers = {} }: ProblemOptions = {},
  ) {
    super(detail);
    this.errors = errors;
    this.headers = headers;
  }

  toDocument(): ProblemDocument {
    return {
      type: `urn:arcqueue:problem:${this.code}`,
      title: STATUS_CODES[this.statusCode] ?? 'Error',
      status: this.statusCode,
      detail: this.message,
      ...(this.errors.length > 0 ? { errors: [...this.errors] } : {}),
    };
  }
}

/** A request refused for one field. */
export function fieldProblem(field: string, expected: string, found: string): Problem {
  return new Problem(400, 'invalid-request', `The field "${field}" is not as expected.`, {
    errors: [{ field, expected, found }],
  });
}

/** A request refused for several fields. */
export function fieldsProblem(errors: readonly FieldError[]): Problem {
  const names = errors.map(({ field }) => `"${field}"`).join(', ');
  return new Problem(400, 'invalid-request', `The fields ${names} are not as expected.`, { errors });
}

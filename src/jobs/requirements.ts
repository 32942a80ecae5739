import { type Static, Type } from 'typebox';

export const DEVICES = ['cpu', 'gpu'] as const;
export type Device = (typeof DEVICES)[number];

/** What a job needs of the worker that runs it. */
export const Requirements = Type.Object(
  {
    device: Type.Optional(
      Type.Enum([...DEVICES], { description: 'Kind of device that the worker computes on.' }),
    ),
    memoryBytes: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Memory that the worker has for a job.',
      }),
    ),
  },
  {
    additionalProperties: false,
    description: 'What the job needs; a worker that has less leaves it to others.',
  },
);
export type Requirements = Static<typeof Requirements>;

/** What a worker has to offer. */
export type Offer = { readonly device: Device; readonly memoryBytes: number };

/** Whether a worker may run the job. */
export function meets(offer: Offer, { device, memoryBytes = 0 }: Requirements = {}): boolean {
  return (device === undefined || device === offer.device) && memoryBytes <= offer.memoryBytes;
}

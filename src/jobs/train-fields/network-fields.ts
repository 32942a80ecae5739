import { Type } from 'typebox';

/** The backbones that a training may ask for. */
export const BACKBONES = ['mobilefacenet', 'iresnet18'] as const;

/** The network that turns an image into an embedding. */
export const networkFields = {
  backbone: Type.Enum([...BACKBONES], { default: 'mobilefacenet' }),
  embeddingSize: Type.Integer({ minimum: 2, maximum: 4096, default: 128 }),
};

import type { Random } from '../data/random.js';
import { BatchNorm } from '../layers/batch-norm.js';
import { Conv2d } from '../layers/conv2d.js';
import type { ConvolutionShape } from '../layers/convolution.js';
import { Dense } from '../layers/dense.js';
import { FixedScaleBatchNorm } from '../layers/fixed-scale-batch-norm.js';
import { Flatten } from '../layers/flatten.js';
import type { Layer } from '../layers/layer.js';
import { Prelu } from '../layers/prelu.js';
import { Residual } from '../layers/residual.js';
import { Sequential } from '../layers/sequential.js';
import { normalTensor } from './initialise.js';
import type { LayersOptions } from './layers-options.js';

const STAGE_CHANNELS = [64, 128, 256, 512] as const;
/** InsightFace draws convolutions from N(0, 0.1²). */
const CONVOLUTION_DEVIATION = 0.1;

/**
 * An IResNet of InsightFace's arcface_torch (`backbones/iresnet.py`) with `blocks` blocks in its four stages: no
 * activation after the addition, batch norm before the first convolution of a block, stride in the second; embedding
 * from the flattened last map, by a linear layer and a batch norm whose scale is fixed.
 */
export function iresnetLayers(blocks: readonly number[], options: LayersOptions): Layer[] {
  const { embeddingSize, lastSide, random, beforeLinear } = options;
  const [stemChannels] = STAGE_CHANNELS;
  const layers: Layer[] = [
    conv('stem.conv', { in: 3, out: stemChannels, kernel: 3, stride: 1, padding: 1 }, random, false),
    new BatchNorm('stem.bn', stemChannels),
    new Prelu('stem.prelu', stemChannels),
  ];
  let inputs: number = stemChannels;
  STAGE_CHANNELS.forEach((channels, stage) => {
    for (let block = 0; block < (blocks[stage] ?? 0); block += 1) {
      const stride = block === 0 ? 2 : 1;
      layers.push(
        basicBlock(`stage${stage + 1}.block${block}`, { in: inputs, out: channels, stride }, random),
      );
      inputs = channels;
    }
  });
  const features = inputs * lastSide * lastSide;
  // PyTorch's default for a linear layer is uniform in ±1/sqrt(in); a normal of the same variance stands in.
  const linear = normalTensor([features, embeddingSize], 1 / Math.sqrt(3 * features), random);
  layers.push(
    new BatchNorm('output.bn', inputs),
    new Flatten('output.flatten'),
    ...beforeLinear,
    new Dense('embedding.fc', linear, { bias: true }),
    new FixedScaleBatchNorm('embedding.bn', embeddingSize),
  );
  return layers;
}

type ConvOptions = ConvolutionShape & { readonly in: number; readonly out: number };

function conv(name: string, options: ConvOptions, random: Random | null, inputGradient = true): Layer {
  const { in: inputs, out, ...shape } = options;
  const kernel = normalTensor([shape.kernel, shape.kernel, inputs, out], CONVOLUTION_DEVIATION, random);
  return new Conv2d(name, kernel, shape, { inputGradient });
}

function basicBlock(
  name: string,
  size: { in: number; out: number; stride: number },
  random: Random | null,
): Layer {
  const { in: inputs, out, stride } = size;
  const branch = new Sequential([
    new BatchNorm(`${name}.bn1`, inputs),
    conv(`${name}.conv1`, { in: inputs, out, kernel: 3, stride: 1, padding: 1 }, random),
    new BatchNorm(`${name}.bn2`, out),
    new Prelu(`${name}.prelu`, out),
    conv(`${name}.conv2`, { in: out, out, kernel: 3, stride, padding: 1 }, random),
    new BatchNorm(`${name}.bn3`, out),
  ]);
  if (stride === 1 && inputs === out) return new Residual(name, branch, null);
  const shortcut = new Sequential([
    conv(`${name}.shortcut.conv`, { in: inputs, out, kernel: 1, stride, padding: 0 }, random),
    new BatchNorm(`${name}.shortcut.bn`, out),
  ]);
  return new Residual(name, branch, shortcut);
}

import type { Random } from '../data/random.js';
import { BatchNorm } from '../layers/batch-norm.js';
import { Conv2d } from '../layers/conv2d.js';
import { Dense } from '../layers/dense.js';
import { DepthwiseConv2d } from '../layers/depthwise-conv2d.js';
import { Flatten } from '../layers/flatten.js';
import type { Layer } from '../layers/layer.js';
import { Prelu } from '../layers/prelu.js';
import { Residual } from '../layers/residual.js';
import { Sequential } from '../layers/sequential.js';
import { kaimingFanOut, normalTensor } from './initialise.js';

const WIDTH = 64;
const LAST_CHANNELS = 512;

/**
 * MobileFaceNet (Chen et al. 2018, arXiv:1804.07573) in the 64-channel form that InsightFace's mbf generalises:
 * 112×112 images, 7×7 depthwise output convolution, embedding by a linear layer and batch norm.
 */
export function buildMobilefacenet(embeddingSize: number, random: Random): Layer {
  const build = new MobilefacenetParts(random);
  return new Sequential([
    ...build.convBlock('stem', { in: 3, out: WIDTH, kernel: 3, stride: 2, padding: 1, first: true }),
    ...build.depthwiseBlock('stem2', WIDTH, { kernel: 3, stride: 1, padding: 1 }),
    ...build.bottleneck('down1', { in: WIDTH, groups: 2 * WIDTH, out: WIDTH, stride: 2 }),
    ...build.residuals('stage1', 4, WIDTH, 2 * WIDTH),
    ...build.bottleneck('down2', { in: WIDTH, groups: 4 * WIDTH, out: 2 * WIDTH, stride: 2 }),
    ...build.residuals('stage2', 6, 2 * WIDTH, 4 * WIDTH),
    ...build.bottleneck('down3', { in: 2 * WIDTH, groups: 8 * WIDTH, out: 2 * WIDTH, stride: 2 }),
    ...build.residuals('stage3', 2, 2 * WIDTH, 4 * WIDTH),
    ...build.convBlock('expand', { in: 2 * WIDTH, out: LAST_CHANNELS, kernel: 1, stride: 1, padding: 0 }),
    build.depthwise('output.conv', LAST_CHANNELS, { kernel: 7, stride: 1, padding: 0 }),
    new BatchNorm('output.bn', LAST_CHANNELS),
    new Flatten('output.flatten'),
    build.linear('embedding.fc', LAST_CHANNELS, embeddingSize),
    new BatchNorm('embedding.bn', embeddingSize),
  ]);
}

type Shape = { readonly kernel: number; readonly stride: number; readonly padding: number };
type ConvOptions = Shape & { readonly in: number; readonly out: number; readonly first?: boolean };

class MobilefacenetParts {
  constructor(private readonly random: Random) {}

  conv(name: string, { in: inputs, out, first = false, ...shape }: ConvOptions): Layer {
    const deviation = kaimingFanOut(shape.kernel, out);
    const kernel = normalTensor([shape.kernel, shape.kernel, inputs, out], deviation, this.random);
    return new Conv2d(name, kernel, shape, { inputGradient: !first });
  }

  depthwise(name: string, channels: number, shape: Shape): Layer {
    const deviation = kaimingFanOut(shape.kernel, 1);
    const kernel = normalTensor([shape.kernel, shape.kernel, channels, 1], deviation, this.random);
    return new DepthwiseConv2d(name, kernel, shape);
  }

  linear(name: string, inputs: number, outputs: number): Layer {
    const kernel = normalTensor([inputs, outputs], kaimingFanOut(1, outputs), this.random);
    return new Dense(name, kernel, { bias: false });
  }

  convBlock(name: string, options: ConvOptions): Layer[] {
    return [
      this.conv(`${name}.conv`, options),
      new BatchNorm(`${name}.bn`, options.out),
      new Prelu(`${name}.prelu`, options.out),
    ];
  }

  depthwiseBlock(name: string, channels: number, shape: Shape): Layer[] {
    return [
      this.depthwise(`${name}.conv`, channels, shape),
      new BatchNorm(`${name}.bn`, channels),
      new Prelu(`${name}.prelu`, channels),
    ];
  }

  /** 1×1 to `groups` channels, 3×3 depthwise, linear 1×1 to `out`. */
  bottleneck(name: string, options: { in: number; groups: number; out: number; stride: number }): Layer[] {
    const { in: inputs, groups, out, stride } = options;
    return [
      ...this.convBlock(`${name}.expand`, { in: inputs, out: groups, kernel: 1, stride: 1, padding: 0 }),
      ...this.depthwiseBlock(`${name}.depthwise`, groups, { kernel: 3, stride, padding: 1 }),
      this.conv(`${name}.project.conv`, { in: groups, out, kernel: 1, stride: 1, padding: 0 }),
      new BatchNorm(`${name}.project.bn`, out),
    ];
  }

  residuals(name: string, count: number, channels: number, groups: number): Layer[] {
    return Array.from({ length: count }, (_, index) => {
      const blockName = `${name}.block${index}`;
      const branch = this.bottleneck(blockName, { in: channels, groups, out: channels, stride: 1 });
      return new Residual(blockName, new Sequential(branch), null);
    });
  }
}

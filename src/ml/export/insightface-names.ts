import type { Backbone, BackboneName } from '../backbones/backbone.js';
import type { NetworkBuffer, Parameter } from '../layers/layer.js';
import { type PytorchLayout, pytorchLayout } from './pytorch-layout.js';

/** A tensor of ours with its name and its layout in InsightFace's PyTorch networks. */
export type InsightfaceTensor = {
  readonly name: string;
  readonly layout: PytorchLayout;
  readonly entry: Parameter | NetworkBuffer;
};

type Rule = readonly [ours: RegExp, theirs: string];

const IRESNET_RULES: readonly Rule[] = [
  [/^stem\.conv$/, 'conv1'],
  [/^stem\.bn$/, 'bn1'],
  [/^stem\.prelu$/, 'prelu'],
  [/^stage(\d)\.block(\d+)\.shortcut\.conv$/, 'layer$1.$2.downsample.0'],
  [/^stage(\d)\.block(\d+)\.shortcut\.bn$/, 'layer$1.$2.downsample.1'],
  [/^stage(\d)\.block(\d+)\.(\w+)$/, 'layer$1.$2.$3'],
  [/^output\.bn$/, 'bn2'],
  [/^embedding\.fc$/, 'fc'],
  [/^embedding\.bn$/, 'features'],
];

/** Applied one after another: where a block stands, then the parts of a bottleneck, then the layers of a part. */
const MOBILEFACENET_RULES: readonly Rule[] = [
  [/^embedding\.fc$/, 'features.layers.2'],
  [/^embedding\.bn$/, 'features.layers.3'],
  [/^stem\./, 'layers.0.'],
  [/^stem2\./, 'layers.1.'],
  [/^down1\./, 'layers.2.'],
  [/^stage1\.block(\d+)\./, 'layers.3.layers.$1.'],
  [/^down2\./, 'layers.4.'],
  [/^stage2\.block(\d+)\./, 'layers.5.layers.$1.'],
  [/^down3\./, 'layers.6.'],
  [/^stage3\.block(\d+)\./, 'layers.7.layers.$1.'],
  [/^expand\./, 'conv_sep.'],
  [/^output\./, 'features.layers.0.'],
  [/\.expand\./, '.layers.0.'],
  [/\.depthwise\./, '.layers.1.'],
  [/\.project\./, '.layers.2.'],
  [/\.conv$/, '.layers.0'],
  [/\.bn$/, '.layers.1'],
  [/\.prelu$/, '.layers.2'],
];

const ROLES: Readonly<Record<string, string>> = {
  kernel: 'weight',
  depthwise_kernel: 'weight',
  alpha: 'weight',
  gamma: 'weight',
  beta: 'bias',
  bias: 'bias',
  moving_mean: 'running_mean',
  moving_variance: 'running_var',
};

/** What PyTorch's batch norm counts and these networks do not use: the batches seen, a 64-bit whole number. */
export const BATCH_COUNT = 'num_batches_tracked';

/**
 * The name in arcface_torch (`backbones/iresnet.py`, `backbones/mobilefacenet.py`) of one of our tensors:
 * `stage1.block0.conv1/kernel` of an IResNet is `layer1.0.conv1.weight`. `mobilefacenet` is that file's network at
 * scale 1 and is named alike.
 */
export function insightfaceName(architecture: BackboneName, name: string): string {
  const [layer = '', role = ''] = name.split('/');
  const theirRole = ROLES[role];
  const theirLayer = architecture.startsWith('iresnet')
    ? firstMatch(IRESNET_RULES, layer)
    : MOBILEFACENET_RULES.reduce((text, [ours, theirs]) => text.replace(ours, theirs), layer);
  if (theirLayer === undefined || theirRole === undefined)
    throw new Error(`${name} has no name in InsightFace`);
  return `${theirLayer}.${theirRole}`;
}

function firstMatch(rules: readonly Rule[], layer: string): string | undefined {
  const rule = rules.find(([ours]) => ours.test(layer));
  return rule === undefined ? undefined : layer.replace(...rule);
}

/** All tensors of a network, in its own order, with their names and layouts in InsightFace's. */
export function insightfaceTensors(backbone: Backbone): InsightfaceTensor[] {
  return [...backbone.parameters, ...backbone.buffers].map((entry) => ({
    name: insightfaceName(backbone.architecture, entry.name),
    layout: pytorchLayout(entry.name.split('/')[1] ?? '', entry.value.shape),
    entry,
  }));
}

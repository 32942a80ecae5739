import { describe, expect, it } from 'vitest';
import { adaface } from '../../../src/ml/heads/adaface.js';
import { arcface } from '../../../src/ml/heads/arcface.js';
import { combined } from '../../../src/ml/heads/combined.js';
import { cosface } from '../../../src/ml/heads/cosface.js';
import type { CosineLoss } from '../../../src/ml/heads/cosine-loss.js';
import { curricularface } from '../../../src/ml/heads/curricularface.js';
import { LOSS_DEFAULTS } from '../../../src/ml/heads/head-settings.js';
import { magface, smallestRegularizer } from '../../../src/ml/heads/magface.js';
import { normface } from '../../../src/ml/heads/normface.js';
import { readScalar } from '../../../src/ml/heads/scalar-buffer.js';
import { sphereface } from '../../../src/ml/heads/sphereface.js';

const { PI, cos, sin, sqrt } = Math;
const degrees = (angle: number) => (angle * PI) / 180;
const bufferOf = (loss: CosineLoss, index = 0) => readScalar(loss.buffers?.[index] as never);

const losses: Record<string, () => CosineLoss> = {
  normface,
  cosface: () => cosface(LOSS_DEFAULTS.cosface),
  arcface: () => arcface(LOSS_DEFAULTS.arcface),
  'arcface, easy margin': () => arcface({ margin: 0.5, easyMargin: true }),
  combined: () => combined(LOSS_DEFAULTS.combined),
  'combined with an angle multiplied': () =>
    combined({ marginAngleMultiplier: 1.35, margin: 0.2, marginCosine: 0.1 }),
  sphereface: () => sphereface(LOSS_DEFAULTS.sphereface),
  curricularface: () => curricularface(LOSS_DEFAULTS.curricularface),
  adaface: () => {
    // Statistics of norms around 20 ± 5, so that norms of 15 to 25 get the whole range of margins.
    const loss = adaface({ ...LOSS_DEFAULTS.adaface, adaMomentum: 1 });
    loss.observe?.([0, 0], [20 - 5 / sqrt(2), 20 + 5 / sqrt(2)]);
    return loss;
  },
  magface: () => magface(LOSS_DEFAULTS.magface, 32),
  'magface without easy margin': () => magface({ ...LOSS_DEFAULTS.magface, easyMargin: false }, 32),
};
const names = Object.keys(losses);
const build = (name: string) => (losses[name] as () => CosineLoss)();

describe.each(names)('the target of %s', (name) => {
  const loss = build(name);
  const valueAt = (cosine: number, norm = 30) => loss.target(cosine, norm, 1).value;

  it('has the slopes that finite differences give', () => {
    const step = 1e-6;
    for (let cosine = -0.985; cosine < 0.99; cosine += 0.03) {
      for (const norm of [5, 18, 22, 60, 150]) {
        const { slope, normSlope = 0 } = loss.target(cosine, norm, 1);
        const numeric = (valueAt(cosine + step, norm) - valueAt(cosine - step, norm)) / (2 * step);
        expect(slope, `cosine ${cosine}, norm ${norm}`).toBeCloseTo(numeric, 4);
        if (name === 'adaface') continue; // by its definition no gradient runs through the norm
        const alongNorm = (valueAt(cosine, norm + step) - valueAt(cosine, norm - step)) / (2 * step);
        expect(normSlope, `cosine ${cosine}, norm ${norm}`).toBeCloseTo(alongNorm, 6);
      }
    }
  });

  it('never falls while the cosine grows', () => {
    for (const norm of [12, 20, 100]) {
      let last = Number.NEGATIVE_INFINITY;
      for (let i = 0; i <= 1000; i += 1) {
        const { value } = loss.target(-1 + i / 500, norm, 1);
        // The easy margin falls where it sets in, at 90°; that is its definition.
        if (name.includes('easy') || name === 'magface') break;
        expect(value, `at ${-1 + i / 500}`).toBeGreaterThanOrEqual(last - 1e-9);
        last = value;
      }
    }
  });

  it('is finite at both ends, and NaN stays NaN', () => {
    for (const cosine of [-1, 1, 0]) {
      for (const norm of [3.2e-5, 1, 1e6]) {
        const { value, slope, normSlope = 0 } = loss.target(cosine, norm, 1);
        expect([value, slope, normSlope].every(Number.isFinite), `at ${cosine}, norm ${norm}`).toBe(true);
      }
    }
    expect(loss.target(Number.NaN, 20, 1).value).toBeNaN();
  });

  it('is the plain cosine without its margin, and lies below it with some', () => {
    for (const cosine of [-0.7, 0.1, 0.8]) {
      expect(loss.target(cosine, 20, 0).value).toBeCloseTo(cosine, 9);
      if (name === 'normface') continue;
      const [half, whole] = [0.5, 1].map((factor) => loss.target(cosine, 20, factor).value) as [
        number,
        number,
      ];
      expect(half).toBeLessThanOrEqual(cosine);
      expect(whole).toBeLessThanOrEqual(half);
    }
  });
});

describe('values worked by hand', () => {
  const targetOf = (loss: CosineLoss, cosine: number, norm = 20) => loss.target(cosine, norm, 1).value;

  it('CosFace takes m off the cosine', () => {
    expect(targetOf(cosface({ margin: 0.35 }), 0.5)).toBeCloseTo(0.15, 12);
  });

  it('ArcFace adds the angle, and goes on below cos(π − m) as the line cos θ − m·sin m', () => {
    const loss = arcface({ margin: 0.5, easyMargin: false });
    expect(targetOf(loss, 0.5)).toBeCloseTo(cos(PI / 3 + 0.5), 12);
    // cos(π − 0.5) = −0.87758 and 0.5 · sin 0.5 = 0.23971
    expect(targetOf(loss, -0.87)).toBeCloseTo(cos(Math.acos(-0.87) + 0.5), 12);
    expect(targetOf(loss, -0.88)).toBeCloseTo(-0.88 - 0.23971, 5);
  });

  it('the easy margin leaves cosines up to 0 alone', () => {
    const loss = arcface({ margin: 0.5, easyMargin: true });
    expect(targetOf(loss, -0.3)).toBe(-0.3);
    expect(targetOf(loss, 0.5)).toBeCloseTo(cos(PI / 3 + 0.5), 12);
  });

  it('the combined margin is ArcFace or CosFace where only m2 or m3 is there', () => {
    const loss = combined({ marginAngleMultiplier: 1.2, margin: 0.3, marginCosine: 0.2 });
    expect(targetOf(loss, 0.5)).toBeCloseTo(cos((1.2 * PI) / 3 + 0.3) - 0.2, 12);
    const onlyAngle = combined({ marginAngleMultiplier: 1, margin: 0.5, marginCosine: 0 });
    expect(targetOf(onlyAngle, 0.3)).toBeCloseTo(
      targetOf(arcface({ margin: 0.5, easyMargin: false }), 0.3),
      12,
    );
    const onlyCosine = combined({ marginAngleMultiplier: 1, margin: 0, marginCosine: 0.4 });
    expect(targetOf(onlyCosine, 0.3)).toBeCloseTo(-0.1, 12);
    // At the turn, cos((π − 0.3) / 1.2), the value is −1 − 0.2 from both sides.
    const turn = cos((PI - 0.3) / 1.2);
    expect(targetOf(loss, turn + 1e-12)).toBeCloseTo(-1.2, 9);
    expect(targetOf(loss, turn - 0.01)).toBeCloseTo(-1.21, 9);
  });

  it("SphereFace's ψ at 30°, 60° and 180° for m = 4, blended by λ", () => {
    const settings = { marginAngleMultiplier: 4, sphereLambdaStart: 0, sphereLambdaDecay: 0.12 };
    const bare = sphereface({ ...settings, sphereLambdaFloor: 0 });
    expect(targetOf(bare, cos(degrees(30)))).toBeCloseTo(-0.5, 9);
    expect(targetOf(bare, 0.5)).toBeCloseTo(-cos(degrees(240)) - 2, 9); // k = 1: 0.5 − 2
    expect(targetOf(bare, -1)).toBeCloseTo(-7, 9); // 1 − 2m
    expect(bare.target(1, 1, 1).slope).toBeCloseTo(16, 9); // m²
    expect(bare.target(-1, 1, 1).slope).toBeCloseTo(16, 9);
    const blended = sphereface({ ...settings, sphereLambdaFloor: 5 });
    expect(targetOf(blended, cos(degrees(30)))).toBeCloseTo((5 * cos(degrees(30)) - 0.5) / 6, 9);
  });

  it("SphereFace's λ falls with the iterations: 1000 / 1.12 at the first", () => {
    const loss = sphereface(LOSS_DEFAULTS.sphereface);
    const shareAt = () => (0.5 - targetOf(loss, 0.5)) / (0.5 + 1.5); // ψ(60°) = −1.5
    loss.observe?.([0.5], [1]);
    expect(shareAt()).toBeCloseTo(1 / (1 + 1000 / 1.12), 6);
    for (let i = 0; i < 2000; i += 1) loss.observe?.([0.5], [1]);
    expect(shareAt()).toBeCloseTo(1 / 6, 6);
    expect(bufferOf(loss)).toBe(2001);
  });

  it("CurricularFace's t follows the mean target cosine, and says which classes are hard", () => {
    const loss = curricularface(LOSS_DEFAULTS.curricularface);
    loss.observe?.([0.5, 0.7], [1, 1]);
    expect(bufferOf(loss)).toBeCloseTo(0.01 * 0.6, 7);
    loss.observe?.([1, 1], [1, 1]);
    expect(bufferOf(loss)).toBeCloseTo(0.99 * 0.006 + 0.01, 7);
    const hard = loss.hardNegatives?.(0.5, 1);
    expect(hard?.above).toBeCloseTo(cos(PI / 3 + 0.5), 9);
    expect(hard?.linear).toBeCloseTo(0.01594, 7);
  });

  it('AdaFace presses long embeddings and spares short ones', () => {
    const loss = build('adaface'); // mean 20, deviation 5
    const q = ((25 - 20) / 5.001) * 0.333;
    const theta = PI / 3;
    expect(targetOf(loss, 0.5, 25)).toBeCloseTo(cos(theta - 0.4 * q) - (0.4 + 0.4 * q), 4);
    // Far off the mean q is held at ±1: cos(θ ∓ m) − (m ± m).
    expect(targetOf(loss, 0.5, 90)).toBeCloseTo(cos(theta - 0.4) - 0.8, 6);
    expect(targetOf(loss, 0.5, 1)).toBeCloseTo(cos(theta + 0.4), 6);
  });

  it("AdaFace's statistics are PyTorch's mean and unbiased deviation; one image leaves the deviation as it was", () => {
    const loss = adaface(LOSS_DEFAULTS.adaface);
    loss.observe?.([0, 0], [10, 30]);
    expect(bufferOf(loss, 0)).toBeCloseTo(20, 5);
    expect(bufferOf(loss, 1)).toBeCloseTo(0.99 * 100 + 0.01 * sqrt(200), 4);
    const before = bufferOf(loss, 1);
    loss.observe?.([0], [40]);
    expect(bufferOf(loss, 0)).toBeCloseTo(20.2, 5);
    expect(bufferOf(loss, 1)).toBe(before);
    expect(targetOf(loss, 0.5, 40)).not.toBeNaN();
  });

  it('statistics do not take in a batch that is not finite', () => {
    const loss = build('adaface');
    loss.observe?.([0, 0], [Number.NaN, 20]);
    expect(bufferOf(loss, 0)).toBeCloseTo(20, 5);
  });

  it("MagFace's margin and regulariser grow with the length", () => {
    const loss = magface({ ...LOSS_DEFAULTS.magface, easyMargin: false }, 32);
    expect(targetOf(loss, 0.5, 10)).toBeCloseTo(cos(PI / 3 + 0.45), 9);
    expect(targetOf(loss, 0.5, 60)).toBeCloseTo(cos(PI / 3 + 0.45 + 0.0035 * 50), 9);
    expect(targetOf(loss, 0.5, 500)).toBeCloseTo(cos(PI / 3 + 0.8), 9);
    expect(loss.normPenalty?.(50).value).toBeCloseTo(35 * (50 / 12100 + 1 / 50), 9);
    expect(loss.normPenalty?.(50).slope).toBeCloseTo(35 * (1 / 12100 - 1 / 2500), 9);
    expect(loss.normPenalty?.(500).slope).toBe(0);
  });

  it("MagFace's λ has the bound of the paper: 22.59 for s = 64", () => {
    expect(smallestRegularizer(LOSS_DEFAULTS.magface, 64)).toBeCloseTo(22.59, 2);
    expect(() => magface({ ...LOSS_DEFAULTS.magface, magRegularizer: 20 }, 64)).toThrow(
      'Expected a magRegularizer of at least 22.59 for a scale of 64; found 20.',
    );
    expect(() => magface({ ...LOSS_DEFAULTS.magface, magRegularizer: 22.6 }, 64)).not.toThrow();
  });

  it("ArcFace's slope is sin(θ + m) / sin θ", () => {
    const { slope } = arcface({ margin: 0.5, easyMargin: false }).target(0.5, 1, 1);
    expect(slope).toBeCloseTo(sin(PI / 3 + 0.5) / sin(PI / 3), 9);
  });
});

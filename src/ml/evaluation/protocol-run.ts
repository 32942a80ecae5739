import type { DecodePool } from '../data/decode-pool.js';
import type { ImageEntry } from '../data/image-entry.js';
import type { LoadedModel } from '../export/read-model.js';
import { ProgressMeter } from '../training/progress-meter.js';
import type { RunHooks } from '../training/training-hooks.js';
import { type ClassifyReports, classifyImages, labelByModel } from './classify-dataset.js';
import { openEmbedFunction } from './embed-function.js';
import { countBatches, embedImages } from './embed-images.js';
import { EmbeddingStore, uniqueImages } from './embedding-store.js';
import type { EvaluationInputs } from './evaluation-inputs.js';
import type { EvaluationRequest } from './evaluation-request.js';
import { type IdentificationReport, identifyProbes } from './identification/identify.js';
import { probesPerBlock } from './identification/search-gallery.js';
import { type VerificationReport, verifyPairs } from './verification/verify.js';

/** The protocols of one evaluation, each image decoded and embedded once for all that need it. */
export class ProtocolRun {
  private readonly labelled: readonly ImageEntry[];
  private readonly toEmbed: readonly ImageEntry[];
  private readonly meter: ProgressMeter;
  private step = 0;
  private steppedAt = performance.now();

  constructor(
    private readonly model: LoadedModel,
    private readonly inputs: EvaluationInputs,
    private readonly context: {
      readonly request: EvaluationRequest;
      readonly pool: DecodePool;
      readonly modelDir: string;
      readonly outputDir: string;
      readonly hooks: RunHooks;
    },
  ) {
    const { dataset, verification, identification } = inputs;
    const { protocols, batchSize } = context.request;
    const byClass = protocols.includes('classification') || protocols.includes('calibration');
    this.labelled = byClass && dataset !== null ? labelByModel(dataset, model.classNames) : [];
    const { gallery, probes } = identification ?? { gallery: [], probes: [] };
    this.toEmbed = uniqueImages([verification?.pairs.images ?? [], gallery, probes]);
    const blocks = gallery.length === 0 ? 0 : Math.ceil(probes.length / probesPerBlock(gallery.length));
    const steps =
      countBatches(this.labelled.length, batchSize) + countBatches(this.toEmbed.length, batchSize) + blocks;
    this.meter = new ProgressMeter({ epochs: 1, steps, stepsPerEpoch: steps }, context.hooks);
  }

  async classify(): Promise<ClassifyReports> {
    if (this.labelled.length === 0) return { classification: null, calibration: null };
    const { request, pool, hooks } = this.context;
    const { batchSize, shuffle, seed, sliceBy, protocols } = request;
    const { threshold, temperature } = numbersOf(request);
    return classifyImages(this.model, this.labelled, {
      pool,
      batchSize,
      shuffleSeed: shuffle ? seed : null,
      tally: protocols.includes('classification') ? { threshold, temperature } : null,
      calibrationPrecision: request.calibration?.precision ?? null,
      sliceBy,
      signal: hooks.signal,
      onBatch: (images, metrics) => this.advance(images, metrics),
    });
  }

  async embed(): Promise<EmbeddingStore> {
    const { request, pool, hooks } = this.context;
    const { batchSize, flipTest } = request;
    const onBatch = (images: number) => this.advance(images);
    // A classification alone embeds nothing, and needs no second network in memory.
    if (this.toEmbed.length === 0)
      return new EmbeddingStore([], { values: new Float32Array(), size: 0, count: 0 });
    const embed = await openEmbedFunction(this.context.modelDir, this.model.backbone);
    const table = await embedImages(embed, this.toEmbed, {
      pool,
      batchSize,
      flipTest,
      signal: hooks.signal,
      onBatch,
    });
    return new EmbeddingStore(this.toEmbed, table);
  }

  async verify(store: EmbeddingStore): Promise<VerificationReport | null> {
    const { request, outputDir, hooks } = this.context;
    const { verification: input } = this.inputs;
    if (input === null || request.verification === undefined) return null;
    const { seed, sliceBy, verification } = request;
    const options = { ...verification, outputDir, seed, sliceBy, signal: hooks.signal };
    return verifyPairs(input.pairs, store.of(input.pairs.images), options);
  }

  async identify(store: EmbeddingStore): Promise<IdentificationReport | null> {
    const { request, outputDir, hooks } = this.context;
    const { identification: input } = this.inputs;
    if (input === null || request.identification === undefined) return null;
    const tables = { gallery: store.of(input.gallery), probes: store.of(input.probes) };
    return identifyProbes(input, tables, {
      outputDir,
      rule: request.identification.templateRule,
      classNames: input.classNames,
      sliceBy: request.sliceBy,
      signal: hooks.signal,
      onBlock: (probes) => this.advance(probes),
    });
  }

  private advance(images: number, metrics: () => Record<string, number> = () => ({})): void {
    this.step += 1;
    const now = performance.now();
    this.meter.add(this.step, { images, seconds: (now - this.steppedAt) / 1000, metrics });
    this.steppedAt = now;
  }
}

function numbersOf({ threshold, temperature }: EvaluationRequest): {
  threshold: number;
  temperature: number;
} {
  if (threshold === 'auto' || temperature === 'auto')
    throw new Error('expected "auto" to be resolved; found it');
  return { threshold, temperature };
}

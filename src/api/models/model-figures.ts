import type { Manifest } from '../../artifacts/manifest.js';

/** What of an evaluation's result is no figure of the classification. */
const BESIDE_CLASSIFICATION = new Set([
  'protocolVersion',
  'model',
  'protocols',
  'datasetHash',
  'seed',
  'skippedImages',
  'calibration',
  'verification',
  'identification',
]);
/** Settings that have to agree before figures of one protocol can be compared. */
const SETTINGS = ['flipTest', 'pairsFile', 'threshold', 'temperature', 'precision', 'templateRule'] as const;

type Figures = Readonly<Record<string, unknown>>;

/** One protocol of one evaluation. */
export type ProtocolFigures = {
  readonly jobId: string;
  readonly protocol: string;
  readonly datasetHash: string;
  /** Equal for evaluations that can be compared: protocol and its version, dataset, seed and settings. */
  readonly key: string;
  readonly figures: Readonly<Record<string, number>>;
};

/** The protocols of evaluations, in their order. */
export function protocolFigures(evaluations: readonly Manifest[]): ProtocolFigures[] {
  return evaluations.flatMap(({ jobId, result }) => {
    const protocols = Array.isArray(result.protocols) ? result.protocols : ['classification'];
    return protocols.map((protocol: string) => {
      const own = protocol === 'classification' ? classificationOf(result) : (result[protocol] as Figures);
      const settings = SETTINGS.map((name) => (protocol === 'calibration' ? null : (own?.[name] ?? null)));
      const datasetHash = String(own?.datasetHash ?? result.datasetHash);
      const key = JSON.stringify([protocol, result.protocolVersion, datasetHash, result.seed, settings]);
      return { jobId, protocol, datasetHash, key, figures: flatten(own ?? {}) };
    });
  });
}

/** One figure of two models on the same evaluation. */
export type ComparedFigure = {
  readonly figure: string;
  readonly left: number;
  readonly right: number;
  /** right − left */
  readonly difference: number;
};

export type Comparison = {
  readonly protocol: string;
  readonly datasetHash: string;
  readonly left: string;
  readonly right: string;
  readonly figures: ComparedFigure[];
};

/** What two models have both been evaluated on in the same way; the newest evaluation of each counts. */
export function compareFigures(
  left: readonly ProtocolFigures[],
  right: readonly ProtocolFigures[],
): Comparison[] {
  const seen = new Set<string>();
  const compared: Comparison[] = [];
  for (const mine of left) {
    const other = right.find(({ key }) => key === mine.key);
    if (other === undefined || seen.has(mine.key)) continue;
    seen.add(mine.key);
    const names = Object.keys(mine.figures).filter((name) => name in other.figures);
    const figures = names.map((figure) => {
      const [a, b] = [mine.figures[figure] as number, other.figures[figure] as number];
      return { figure, left: a, right: b, difference: b - a };
    });
    const { protocol, datasetHash } = mine;
    compared.push({ protocol, datasetHash, left: mine.jobId, right: other.jobId, figures });
  }
  return compared;
}

function classificationOf(result: Figures): Figures {
  return Object.fromEntries(Object.entries(result).filter(([name]) => !BESIDE_CLASSIFICATION.has(name)));
}

/** The numbers of a nested result by dotted names; of lists only those whose items say which false accept rate they are of. */
function flatten(value: Figures, prefix = ''): Record<string, number> {
  const found: Record<string, number> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (typeof inner === 'number') found[prefix + name] = inner;
    else if (Array.isArray(inner)) {
      for (const item of inner) {
        if (typeof item?.far !== 'number') continue;
        Object.assign(found, flatten(item, `${prefix}${name}.${item.far}.`));
      }
    } else if (inner !== null && typeof inner === 'object') {
      Object.assign(found, flatten(inner as Figures, `${prefix}${name}.`));
    }
  }
  return found;
}

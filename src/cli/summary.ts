import type { JobRecord } from '../jobs/job-record.js';

export type SummaryInput = {
  readonly training: JobRecord;
  readonly plain: JobRecord;
  readonly thresholded: JobRecord;
  readonly baseline: number | null;
  readonly url: string;
  readonly dataDir: string;
  readonly seconds: number;
};

type Strangers = { readonly images: number; readonly rejected: number };

/** The demo's closing words, in lines of at most 60 characters where the addresses allow it. */
export function summarise({ plain, thresholded, baseline, seconds }: SummaryInput): string {
  const at = thresholded.result ?? {};
  const { threshold, temperature } = thresholded.request as { threshold: number; temperature: number };
  const strangers = at.strangers as Strangers | undefined;
  const rows: (readonly [string, string])[] = [
    ['Accuracy, no threshold', percent(plain.result?.accuracy)],
    ['Accuracy of mean colours, for comparison', percent(baseline)],
    [`Accuracy at threshold ${threshold}, temperature ${temperature}`, percent(at.accuracyAtThreshold)],
    ['  share of the test images accepted', percent(at.coverage)],
    ['  share of the accepted ones that are right', percent(at.precisionAtThreshold)],
  ];
  if (strangers !== undefined && strangers.images > 0) {
    rows.push(['Strangers rejected', `${strangers.rejected} of ${strangers.images}`]);
  }
  rows.push(['Test images', String(plain.result?.images ?? '?')], ['Time', `${Math.round(seconds)} s`]);
  return rows.map(([name, value]) => `  ${name.padEnd(43)}${value.padStart(11)}`).join('\n');
}

/** Where the results lie and how to do the same by hand. */
export function describeNextSteps({ training, thresholded, url, dataDir }: SummaryInput): string {
  const folder = (job: JobRecord) => `${dataDir}/artifacts/${job.id}`;
  return [
    'Model:',
    `  ${folder(training)}`,
    'Report (report.json):',
    `  ${folder(thresholded)}`,
    'The same by hand, while the service runs:',
    curl(url, '/jobs/train', training.request),
    curl(url, '/jobs/evaluate', thresholded.request),
    `  curl ${url}/jobs`,
  ].join('\n');
}

function curl(url: string, path: string, request: JobRecord['request']): string {
  const { dataset, ...rest } = request;
  const chosen = ['model', 'epochs', 'batchSize', 'learningRate', 'backbone', 'threshold', 'temperature'];
  const body = Object.entries(rest).filter(([name]) => chosen.includes(name));
  const fields = [['dataset', dataset] as const, ...body].map(
    ([name, value]) => `    "${name}": ${JSON.stringify(value)}`,
  );
  return `  curl ${url}${path} --json '{\n${fields.join(',\n')}\n  }'`;
}

function percent(value: unknown): string {
  return typeof value === 'number' ? `${(100 * value).toFixed(1)} %` : 'none';
}

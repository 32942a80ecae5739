import type { JobRecord } from '../jobs/job-record.js';

export type SummaryInput = {
  readonly training: JobRecord;
  readonly plain: JobRecord;
  readonly thresholded: JobRecord;
  readonly baseline: number | null;
  /** Where the service answers, or null when it stops after the demo. */
  readonly url: string | null;
  readonly dataDir: string;
  readonly seconds: number;
};

/** Where `npm start` answers when nothing else is set. */
const START_URL = 'http://127.0.0.1:8080';

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
  rows.push(
    ['Test images of known classes', String(plain.result?.images ?? '?')],
    ['Time', `${Math.round(seconds)} s`],
  );
  return rows.map(([name, value]) => `  ${name.padEnd(43)}${value.padStart(11)}`).join('\n');
}

/** Where the results lie and how to do the same by hand, against this service or one started on the same data. */
export function describeNextSteps({ training, thresholded, url, dataDir }: SummaryInput): string {
  const address = url ?? START_URL;
  const folder = (job: JobRecord) => `${dataDir}/artifacts/${job.id}`;
  return [
    'Model:',
    `  ${folder(training)}`,
    'Report (report.json):',
    `  ${folder(thresholded)}`,
    ...(url === null
      ? ['The same by hand, after this in a second terminal:', `  DATA_DIR=${dataDir} npm start`]
      : ['The same by hand:']),
    curl(address, '/jobs/train', training.request),
    curl(address, '/jobs/evaluate', thresholded.request),
    `  curl ${address}/jobs`,
    `Swagger UI${url === null ? ', then' : ''}: ${address}/docs`,
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

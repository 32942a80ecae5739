import { SingleBar } from 'cli-progress';
import type { JobRecord } from '../jobs/job-record.js';

const BAR_WIDTH = 16;

export type JobProgress = { update(job: JobRecord): void; stop(): void };

/** Shows a job as it goes, in 60 columns: a bar that redraws itself on a terminal, a line per epoch elsewhere. */
export function showJobProgress(stream: NodeJS.WriteStream = process.stdout): JobProgress {
  return stream.isTTY ? barProgress(stream) : lineProgress(stream);
}

function barProgress(stream: NodeJS.WriteStream): JobProgress {
  const bar = new SingleBar({
    format: '{bar} {share} % {text}',
    barsize: BAR_WIDTH,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    stream,
  });
  bar.start(100, 0, { share: '  0', text: 'queued' });
  return {
    update(job) {
      const percent = job.state === 'succeeded' ? 100 : (job.progress?.percent ?? 0);
      bar.update(percent, { share: String(Math.floor(percent)).padStart(3), text: describe(job) });
    },
    stop: () => bar.stop(),
  };
}

function lineProgress(stream: NodeJS.WriteStream): JobProgress {
  let last = '';
  return {
    update(job) {
      // One line per state until the first figures are there, then one per epoch.
      const key = job.progress === null ? job.state : `epoch ${job.progress.epoch}`;
      if (key === last) return;
      last = key;
      stream.write(`  ${describe(job)}\n`);
    },
    stop() {},
  };
}

function describe({ state, progress, metrics, kind }: JobRecord): string {
  if (progress === null) return state;
  const rate = `${Math.round(progress.imagesPerSecond)} img/s`;
  if (kind === 'evaluate') return rate;
  const { loss } = metrics;
  const parts = [`epoch ${progress.epoch}/${progress.epochs}`];
  if (loss !== undefined) parts.push(`loss ${loss.toFixed(1)}`);
  return [...parts, rate].join(' ');
}

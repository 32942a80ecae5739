const BAR_WIDTH = 24;
const BLOCK_WIDTH = 4;
const REDRAW_MS = 100;

/**
 * @typedef {object} Step
 * @property {(fraction: number) => void} update share that is done, 0 to 1; a step that never calls it shows its time
 * @property {(outcome?: string) => void} finish
 * @property {() => void} abandon clears the bar, so that an error starts on a line of its own
 */

/**
 * Shows one long step: a bar that redraws itself on a terminal, a line at its start and its end elsewhere.
 * @param {string} title
 * @param {NodeJS.WriteStream} [stream]
 * @returns {Step}
 */
export function startStep(title, stream = process.stderr) {
  const startedAt = Date.now();
  let fraction = 0;
  const seconds = () => ((Date.now() - startedAt) / 1000).toFixed(1);
  if (!stream.isTTY) {
    stream.write(`${title} …\n`);
    return {
      update() {},
      finish: (outcome = 'done') => void stream.write(`${title}: ${outcome} (${seconds()} s)\n`),
      abandon() {},
    };
  }
  const draw = () => {
    const bar = fraction > 0 ? filledBar(fraction) : slidingBar(Date.now() - startedAt);
    const share = fraction > 0 ? `${Math.round(fraction * 100)} %`.padStart(5) : '';
    stream.write(`\r\x1b[K${bar} ${share} ${title} (${seconds()} s)`);
  };
  const timer = setInterval(draw, REDRAW_MS);
  draw();
  return {
    update(share) {
      fraction = Math.min(1, Math.max(0, share));
    },
    finish(outcome = 'done') {
      clearInterval(timer);
      stream.write(`\r\x1b[K${title}: ${outcome} (${seconds()} s)\n`);
    },
    abandon() {
      clearInterval(timer);
      stream.write('\r\x1b[K');
    },
  };
}

/** @param {number} fraction */
function filledBar(fraction) {
  const filled = Math.round(fraction * BAR_WIDTH);
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}

/**
 * For work whose end is not known: a short block that moves shows that something happens.
 * @param {number} elapsedMs
 */
function slidingBar(elapsedMs) {
  const room = BAR_WIDTH - BLOCK_WIDTH;
  const position = Math.floor(elapsedMs / REDRAW_MS) % (2 * room);
  const left = position <= room ? position : 2 * room - position;
  return '░'.repeat(left) + '█'.repeat(BLOCK_WIDTH) + '░'.repeat(room - left);
}

/**
 * Runs `work` as one shown step.
 * @template T
 * @param {string} title
 * @param {(step: Step) => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function showStep(title, work) {
  const step = startStep(title);
  try {
    const result = await work(step);
    step.finish();
    return result;
  } catch (error) {
    step.abandon();
    throw error;
  }
}

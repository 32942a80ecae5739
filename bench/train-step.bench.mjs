// Images per second of one training step over those of the fastest form of PyTorch.
import { CASES, measureSides, OURS, printMachine } from './train-step-sides.mjs';

printMachine();
const ratios = [];
for (const { backbone, speedGoal, rounds } of CASES) {
  const sides = await measureSides(backbone, { steps: 7, warmup: 2, rounds });
  const peers = [...sides].filter(([side]) => side !== OURS);
  const fastest = Math.max(...peers.map(([, { imagesPerSecond }]) => imagesPerSecond));
  const ratio = sides.get(OURS).imagesPerSecond / fastest;
  ratios.push(`ratio train-step-${backbone} ${ratio.toFixed(2)} goal >=${speedGoal}`);
}
console.log(ratios.join('\n'));

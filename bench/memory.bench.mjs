// Peak memory of a process that trains over that of the leanest form of PyTorch in float32.
import { CASES, measureSides, OURS, printMachine } from './train-step-sides.mjs';

printMachine();
const ratios = [];
for (const { backbone } of CASES) {
  const sides = await measureSides(backbone, { steps: 4, warmup: 1, rounds: 1 });
  const peers = [...sides].filter(([side]) => side !== OURS && side !== 'PyTorch bf16');
  const leanest = Math.min(...peers.map(([, { peakBytes }]) => peakBytes));
  const ratio = sides.get(OURS).peakBytes / leanest;
  ratios.push(`ratio memory-${backbone} ${ratio.toFixed(2)} goal <=1.0`);
}
console.log(ratios.join('\n'));

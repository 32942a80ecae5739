import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import type { Config } from '../config.js';
import type { Device, Offer } from '../jobs/requirements.js';

/** Where NVIDIA's driver shows itself on Linux. The worker itself loads no TensorFlow and cannot ask it. */
const NVIDIA_DRIVER = '/proc/driver/nvidia/version';

/** What this worker has for a job: as its settings say, or as the machine looks. */
export function offerOf({ workerDevice, workerMemoryBytes }: Config): Offer {
  return {
    device: workerDevice === 'auto' ? seenDevice() : workerDevice,
    memoryBytes: workerMemoryBytes === 0 ? seenMemory() : workerMemoryBytes,
  };
}

function seenDevice(): Device {
  return existsSync(NVIDIA_DRIVER) ? 'gpu' : 'cpu';
}

/** The machine's memory, or less where a container limits it. */
function seenMemory(): number {
  const limit = process.constrainedMemory() ?? 0;
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

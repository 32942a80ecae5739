export type Record = {
  readonly labels: readonly number[];
  readonly image?: Uint8Array;
  readonly part?: number;
};

/** One record as MXNet's recordio.pack and IRHeader write it. A single label stands in the header, several behind it. */
export function recordOf({ labels, image = new Uint8Array(), part = 0 }: Record): Buffer {
  const flag = labels.length === 1 ? 0 : labels.length;
  const header = Buffer.alloc(24 + 4 * flag);
  header.writeUInt32LE(flag, 0);
  if (flag === 0) header.writeFloatLE(labels[0] ?? 0, 4);
  else for (const [i, label] of labels.entries()) header.writeFloatLE(label, 24 + 4 * i);
  const payload = Buffer.concat([header, image]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32LE(0xced7230a, 0);
  frame.writeUInt32LE(((part << 29) | payload.length) >>> 0, 4);
  return Buffer.concat([frame, payload, Buffer.alloc((4 - (payload.length % 4)) % 4)]);
}

export function filesOf(records: readonly Record[], change: (index: string) => string = (index) => index) {
  const parts = records.map(recordOf);
  let offset = 0;
  const lines = parts.map((part, key) => {
    const line = `${key}\t${offset}\n`;
    offset += part.length;
    return line;
  });
  return { 'train.rec': Buffer.concat(parts), 'train.idx': change(lines.join('')) };
}

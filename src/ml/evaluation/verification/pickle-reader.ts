import type { ByteRange } from '../../data/image-entry.js';
import { MlError } from '../../ml-error.js';
import { ByteCursor } from './byte-cursor.js';

/** What a pickle of pairs may hold. Buffers stay where they are in the file. */
export type PickleValue =
  | { readonly kind: 'buffer'; readonly range: ByteRange }
  | { readonly kind: 'number'; readonly value: number }
  | { readonly kind: 'list' | 'tuple'; readonly items: PickleValue[] };

type Mark = { readonly kind: 'mark' };
const MARK: Mark = { kind: 'mark' };

/** More values than any set of pairs has. */
const MAX_VALUES = 20_000_000;
const HIGHEST_PROTOCOL = 5;
const LONGEST_NAME = 200;

/** Opcodes that a pickle of pairs has no need of, by their name in Python's pickletools. */
const REFUSED = new Map(
  Object.entries({
    c: 'GLOBAL',
    i: 'INST',
    o: 'OBJ',
    b: 'BUILD',
    R: 'REDUCE',
    '\x81': 'NEWOBJ',
    '\x92': 'NEWOBJ_EX',
    '\x93': 'STACK_GLOBAL',
    '\x82': 'EXT1',
    '\x83': 'EXT2',
    '\x84': 'EXT4',
    P: 'PERSID',
    Q: 'BINPERSID',
    d: 'DICT',
    '}': 'EMPTY_DICT',
    S: 'STRING',
    X: 'BINUNICODE',
    '\x8c': 'SHORT_BINUNICODE',
    G: 'BINFLOAT',
    N: 'NONE',
  }).map(([opcode, name]) => [opcode.charCodeAt(0), name]),
);

/**
 * Reads a pickle of lists, tuples, buffers and whole numbers, as Python 2 and 3 write them in protocols 2 to 5. Nothing in
 * it is run: an opcode that could name a class or call a function is refused by its name, and so is every other.
 * @throws MlError `pickle_refused` or `pickle_damaged`
 */
export function readPickle(path: string): PickleValue {
  const cursor = new ByteCursor(path);
  try {
    return new PickleReader(cursor).read();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw damaged(`${error.message} at byte ${cursor.position}`);
  } finally {
    cursor.close();
  }
}

class PickleReader {
  private readonly stack: (PickleValue | Mark)[] = [];
  private readonly memo = new Map<number, PickleValue>();
  private values = 0;
  /** What a pickle of pairs needs, by opcode. */
  private readonly steps = new Map<number, () => void>([
    [0x80, () => this.checkProtocol(this.uint(1))], // PROTO
    [0x95, () => this.cursor.skip(8)], // FRAME: its length says nothing that the opcodes do not
    [0x28, () => this.push(MARK)], // MARK
    [0x5d, () => this.push({ kind: 'list', items: [] })], // EMPTY_LIST
    [0x29, () => this.push({ kind: 'tuple', items: [] })], // EMPTY_TUPLE
    [0x61, () => this.append([this.pop()])], // APPEND
    [0x65, () => this.append(this.popToMark())], // APPENDS
    [0x6c, () => this.push({ kind: 'list', items: this.popToMark() })], // LIST
    [0x74, () => this.push({ kind: 'tuple', items: this.popToMark() })], // TUPLE
    [0x85, () => this.pushTuple(1)], // TUPLE1
    [0x86, () => this.pushTuple(2)], // TUPLE2
    [0x87, () => this.pushTuple(3)], // TUPLE3
    [0x88, () => this.push({ kind: 'number', value: 1 })], // NEWTRUE
    [0x89, () => this.push({ kind: 'number', value: 0 })], // NEWFALSE
    [0x4b, () => this.push({ kind: 'number', value: this.uint(1) })], // BININT1
    [0x4d, () => this.push({ kind: 'number', value: this.uint(2) })], // BININT2
    [0x4a, () => this.push({ kind: 'number', value: this.cursor.take(4).readInt32LE() })], // BININT
    [0x55, () => this.pushBuffer(this.uint(1))], // SHORT_BINSTRING: how Python 2 writes a buffer
    [0x54, () => this.pushBuffer(this.uint(4))], // BINSTRING
    [0x43, () => this.pushBuffer(this.uint(1))], // SHORT_BINBYTES
    [0x42, () => this.pushBuffer(this.uint(4))], // BINBYTES
    [0x8e, () => this.pushBuffer(Number(this.cursor.take(8).readBigUInt64LE()))], // BINBYTES8
    [0x96, () => this.pushBuffer(Number(this.cursor.take(8).readBigUInt64LE()))], // BYTEARRAY8
    [0x71, () => this.put(this.uint(1))], // BINPUT
    [0x72, () => this.put(this.uint(4))], // LONG_BINPUT
    [0x94, () => this.put(this.memo.size)], // MEMOIZE
    [0x68, () => this.get(this.uint(1))], // BINGET
    [0x6a, () => this.get(this.uint(4))], // LONG_BINGET
  ]);

  constructor(private readonly cursor: ByteCursor) {}

  read(): PickleValue {
    for (;;) {
      const opcode = this.cursor.take(1)[0] as number;
      if (opcode === 0x2e) return this.stop(); // STOP
      const step = this.steps.get(opcode);
      if (step === undefined) throw this.refuse(opcode);
      step();
    }
  }

  private refuse(opcode: number): MlError {
    const hexadecimal = `0x${opcode.toString(16).padStart(2, '0')}`;
    let name = REFUSED.get(opcode) ?? 'an opcode that pairs do not need';
    // Its operands say what would have been called, which is what a reader of the message wants to know.
    if (opcode === 0x63)
      name += ` ${this.cursor.takeLine(LONGEST_NAME)}.${this.cursor.takeLine(LONGEST_NAME)}`;
    if (opcode === 0x8c) name += ` "${this.cursor.take(this.uint(1)).toString()}"`;
    const message = `Expected a pickle of buffers and booleans only; found ${name} (${hexadecimal}) at byte ${this.cursor.position}.`;
    return new MlError('pickle_refused', 'data', message);
  }

  private checkProtocol(protocol: number): void {
    if (protocol <= HIGHEST_PROTOCOL) return;
    throw damaged(`the protocol ${protocol}, where ${HIGHEST_PROTOCOL} is the highest`);
  }

  private uint(bytes: number): number {
    return this.cursor.take(bytes).readUIntLE(0, bytes);
  }

  private push(value: PickleValue | Mark): void {
    this.values += 1;
    if (this.values > MAX_VALUES) throw damaged(`more than ${MAX_VALUES} values`);
    this.stack.push(value);
  }

  private pushBuffer(length: number): void {
    const offset = this.cursor.position;
    this.cursor.skip(length);
    this.push({ kind: 'buffer', range: { offset, length } });
  }

  private pushTuple(length: number): void {
    const items = Array.from({ length }, () => this.pop()).reverse();
    this.push({ kind: 'tuple', items });
  }

  private pop(): PickleValue {
    const value = this.stack.pop();
    if (value === undefined || value.kind === 'mark') throw damaged('a value missing from the stack');
    return value;
  }

  private popToMark(): PickleValue[] {
    const at = this.stack.lastIndexOf(MARK);
    if (at < 0) throw damaged('a mark missing from the stack');
    const items = this.stack.splice(at) as (PickleValue | Mark)[];
    return items.slice(1) as PickleValue[];
  }

  private append(items: readonly PickleValue[]): void {
    const list = this.stack.at(-1);
    if (list?.kind !== 'list') throw damaged('no list to append to');
    for (const item of items) list.items.push(item);
  }

  private put(key: number): void {
    const value = this.stack.at(-1);
    if (value === undefined || value.kind === 'mark') throw damaged('nothing to remember');
    this.memo.set(key, value);
  }

  private get(key: number): void {
    const value = this.memo.get(key);
    if (value === undefined) throw damaged(`nothing remembered as ${key}`);
    this.push(value);
  }

  private stop(): PickleValue {
    const value = this.pop();
    if (this.stack.length > 0) throw damaged(`${this.stack.length} values too many on the stack`);
    return value;
  }
}

function damaged(found: string): MlError {
  return new MlError('pickle_damaged', 'data', `Expected a whole pickle; found ${found}.`);
}

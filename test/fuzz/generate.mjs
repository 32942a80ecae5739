// Values made from a JSON schema: right ones, and ones that are wrong in one place.

/** @typedef {Record<string, any>} Schema */
/** @typedef {(limit: number) => number} Random a whole number from 0 to below the limit */

/** Values that programs trip over. */
const ODD = [
  ...[
    null,
    true,
    0,
    -1,
    1.5,
    1e308,
    -0,
    2 ** 53,
    '',
    ' ',
    '\u0000',
    '\ud800',
    '💥',
    '../..',
    '%00',
    '__proto__',
  ],
  ...[
    'NaN',
    '1e999',
    "' OR 1=1 --",
    'a'.repeat(5000),
    [],
    [[]],
    {},
    { a: {} },
    [null],
    { __proto__: null, x: 1 },
  ],
];

/**
 * mulberry32
 * @param {number} seed
 * @returns {Random}
 */
export function randomFrom(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/**
 * @template T
 * @param {readonly T[]} choices
 * @param {Random} random
 * @returns {T}
 */
export function pick(choices, random) {
  return /** @type {T} */ (choices[random(choices.length)]);
}

/** @param {Random} random */
export function odd(random) {
  return pick(ODD, random);
}

/**
 * A value that fits the schema, as far as patterns allow.
 * @param {Schema} schema
 * @param {Random} random
 * @returns {any}
 */
export function fitting(schema, random) {
  if (schema.const !== undefined) return schema.const;
  if (schema.enum) return pick(schema.enum, random);
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return fitting(pick(choices, random), random);
  if (schema.default !== undefined && random(4) === 0) return schema.default;
  switch (Array.isArray(schema.type) ? pick(schema.type, random) : schema.type) {
    case 'object':
      return fittingObject(schema, random);
    case 'array': {
      const least = schema.minItems ?? 0;
      const count = least + random(Math.max(1, Math.min(4, (schema.maxItems ?? 4) - least + 1)));
      return Array.from({ length: count }, () => fitting(schema.items ?? {}, random));
    }
    case 'integer':
      return Math.floor(between(schema, random));
    case 'number':
      return between(schema, random);
    case 'boolean':
      return random(2) === 0;
    case 'null':
      return null;
    default:
      return fittingText(schema, random);
  }
}

/**
 * @param {Schema} schema
 * @param {Random} random
 */
function fittingObject({ properties = {}, required = [] }, random) {
  /** @type {Record<string, any>} */
  const made = {};
  for (const [name, property] of Object.entries(properties)) {
    if (required.includes(name) || random(6) === 0) made[name] = fitting(property, random);
  }
  return made;
}

/**
 * @param {Schema} schema
 * @param {Random} random
 */
function between(schema, random) {
  const least = schema.minimum ?? schema.exclusiveMinimum ?? 0;
  const most = schema.maximum ?? schema.exclusiveMaximum ?? least + 1000;
  if (random(4) === 0) return pick([least, most], random);
  return least + ((most - least) * random(1_000_000)) / 1_000_000;
}

/**
 * @param {Schema} schema
 * @param {Random} random
 */
function fittingText(schema, random) {
  if (schema.examples?.length && random(2) === 0) return pick(schema.examples, random);
  if (schema.format === 'uuid') return '01a20d41-0de0-7106-8bc7-23992612459d';
  if (schema.format === 'date-time') return '2027-01-02T03:04:05Z';
  return pick(['demo/train', 'demo/test', 'latest', 'abc', '0123456789abcdef', 'x', 'demo'], random);
}

/**
 * A value that is wrong, or odd, in one place.
 * @param {any} value
 * @param {Random} random
 * @returns {any}
 */
export function spoilt(value, random) {
  const names = typeof value === 'object' && value !== null ? Object.keys(value) : [];
  if (names.length === 0 || random(8) === 0) return odd(random);
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const name = pick(names, random);
  const way = random(6);
  if (way === 0) delete copy[name];
  else if (way === 1 && !Array.isArray(copy)) copy[`${name}x`] = odd(random);
  else copy[name] = spoilt(copy[name], random);
  return copy;
}

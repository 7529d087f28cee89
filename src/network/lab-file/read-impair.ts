// `impair` of a link, or of one end: `{ delay: 20ms, jitter: 2ms, loss: 1%, rate: 10mbit }`.

import type { Netem } from '../../kernel/netlink/netem.ts';
import { fieldsOf, requireMap, requireWord } from './fields.ts';
import { wrong, type Tree } from './tree.ts';

export const IMPAIR_KEYS = ['delay', 'jitter', 'loss', 'duplicate', 'reorder', 'rate'] as const;

const EXAMPLE = 'impair: { delay: 20ms, loss: 1%, rate: 10mbit }';

interface Measure {
  readonly units: Readonly<Record<string, number>>;
  /** Of less than 1 parts are taken. */
  readonly least: number;
  readonly most: number;
  readonly example: string;
}

/** Unit: ns. At most what fits into 32 bits of the kernel's ticks. */
const TIME: Measure = {
  units: { us: 1e3, ms: 1e6, s: 1e9 },
  least: 1,
  most: 100e9,
  example: '20ms, 150us, 1.5s: at most 100s',
};
const SHARE: Measure = { units: { '%': 1 }, least: 1e-6, most: 100, example: '1%, 0.1%: at most 100%' };
/** Unit: bits a second. At most what fits into 32 bits of bytes. */
const SPEED: Measure = {
  units: { bit: 1, kbit: 1e3, mbit: 1e6, gbit: 1e9 },
  least: 8,
  most: 32e9,
  example: '512kbit, 10mbit, 1gbit: from 8bit to 32gbit',
};

/** Errors: BAD_VALUE. */
export function readImpair(tree: Tree): Netem {
  const map = requireMap(tree, 'impair', EXAMPLE);
  const fields = fieldsOf(map, 'impair', IMPAIR_KEYS);
  if (map.entries.length === 0) throw wrong(map.at, 'impair says nothing', EXAMPLE);
  const amount = (key: (typeof IMPAIR_KEYS)[number], measure: Measure): number => {
    const field = fields.get(key)?.value;
    return field === undefined ? 0 : readAmount(field, key, measure);
  };
  const netem: Netem = {
    delay: amount('delay', TIME),
    jitter: amount('jitter', TIME),
    loss: amount('loss', SHARE),
    duplicate: amount('duplicate', SHARE),
    reorder: amount('reorder', SHARE),
    rate: amount('rate', SPEED),
  };
  const [jitter, reorder] = ['jitter', 'reorder'].map((key) => fields.get(key));
  const alone = netem.delay === 0 ? (jitter ?? reorder) : undefined;
  if (alone !== undefined) throw wrong(alone.at, `${alone.key} is nothing without delay`, 'delay: 20ms');
  if (jitter !== undefined && netem.jitter > netem.delay)
    throw wrong(jitter.value.at, 'jitter is more than delay', 'at most delay', 'nothing comes before it was sent');
  return netem;
}

/** More than nothing: who wants none leaves the word out. */
function readAmount(tree: Tree, key: string, { units, least, most, example }: Measure): number {
  const { text } = requireWord(tree, key, `${key}: ${example}`);
  const [, digits = '', unit = ''] = /^(\d{1,9}(?:\.\d{1,6})?)([a-z]+|%)$/.exec(text) ?? [];
  const factor = Object.hasOwn(units, unit) ? units[unit] : undefined;
  const what = `${key} cannot be '${text.slice(0, 60)}'`;
  const known = Object.keys(units).join(', ');
  if (factor === undefined) throw wrong(tree.at, what, example, `it is a number with its unit: ${known}`);
  const exact = Number(digits) * factor;
  const amount = least < 1 ? exact : Math.round(exact);
  if (amount >= least && amount <= most) return amount;
  throw wrong(tree.at, what, amount < least ? `${example}; or without ${key}` : example);
}

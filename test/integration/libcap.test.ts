// The texts of capability sets, compared with libcap.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatIab, parseIab } from '../../src/capabilities/iab.ts';
import { capabilityNames } from '../../src/capabilities/names.ts';
import { formatCapabilityText, parseCapabilityText } from '../../src/capabilities/text.ts';
import { askLibcap } from '../support/libcap-oracle.ts';
import { lacks } from '../support/requires.ts';

const TRIPLES = 100_000;
const TEXTS = 20_000;

const all = (1n << (BigInt(readFileSync('/proc/sys/kernel/cap_last_cap', 'utf8').trim()) + 1n)) - 1n;

/** xorshift, so that a failure can be repeated. */
let state = 0x9e37_79b9_7f4a_7c15n;

function random(): bigint {
  state ^= BigInt.asUintN(64, state << 13n);
  state ^= state >> 7n;
  state ^= BigInt.asUintN(64, state << 17n);
  return state;
}

function upTo(limit: number): number {
  return Number(random() % BigInt(limit));
}

/** Of any bits; nearly nothing; nearly everything; of those that the kernel knows, and of some beyond. */
function randomMask(): bigint {
  switch (upTo(6)) {
    case 0:
      return random();
    case 1:
      return 1n << BigInt(upTo(64));
    case 2:
      return all & ~(1n << BigInt(upTo(64)));
    case 3:
      return 0n;
    case 4:
      return all;
    default:
      return random() & all;
  }
}

/** Three masks; often two of them are alike, as in processes. */
function randomTriples(): readonly (readonly [bigint, bigint, bigint])[] {
  return Array.from({ length: TRIPLES }, () => {
    const [a, b, c] = [randomMask(), randomMask(), randomMask()];
    return upTo(3) === 0 ? ([a, a, c] as const) : ([a, b, c] as const);
  });
}

function question(kind: string, masks: readonly bigint[]): string {
  return `${kind} ${masks.map((mask) => mask.toString(16)).join(' ')}`;
}

/** The first that differs says more than all. */
function expectEqual(asked: readonly string[], ours: readonly string[], theirs: readonly string[]): void {
  const at = ours.findIndex((answer, index) => answer !== theirs[index]);
  expect({ asked: asked[at], answer: ours[at] }).toEqual({ asked: asked[at], answer: theirs[at] });
  expect(ours).toHaveLength(theirs.length);
}

const PIECES = [
  '=',
  '+',
  '-',
  '=+',
  '=-',
  'e',
  'i',
  'p',
  'ep',
  'eip',
  ' ',
  ',',
  '\t',
  'all',
  'ALL',
  '41',
  '0x29',
  '064',
  '64',
  '0',
  '07',
  '08',
  '%',
  '^',
  '!',
  '_',
  'E',
  'net_raw',
  'cap_',
  '\u00e9',
];

/** Mostly of the right form, with something odd in between. */
function randomText(): string {
  const name = (): string => {
    const known = capabilityNames[upTo(capabilityNames.length)] ?? '';
    return upTo(4) === 0 ? known.toUpperCase() : known;
  };
  const piece = (): string => (upTo(3) === 0 ? name() : (PIECES[upTo(PIECES.length)] ?? ''));
  if (upTo(3) === 0) return Array.from({ length: upTo(6) }, piece).join('');
  const clause = (): string => {
    const list = Array.from({ length: upTo(4) }, () => (upTo(6) === 0 ? piece() : name())).join(',');
    const actions = Array.from(
      { length: 1 + upTo(2) },
      () => `${'=+-'[upTo(3)] ?? ''}${['e', 'i', 'p', 'ep', 'eip', ''][upTo(6)] ?? ''}`,
    );
    return `${list}${actions.join('')}`;
  };
  return Array.from({ length: 1 + upTo(3) }, clause).join(' ');
}

/** libcap takes prefixes without a name at the end for nothing; we refuse them. */
const NAMELESS = /[!^%]$/;

function randomIabText(): string {
  const item = (): string => {
    const prefixes = Array.from({ length: upTo(3) }, () => '!^%'[upTo(3)] ?? '').join('');
    const word =
      upTo(8) === 0 ? (PIECES[upTo(PIECES.length)] ?? '') : (capabilityNames[upTo(capabilityNames.length)] ?? '');
    return `${prefixes}${word}`;
  };
  const text = `${Array.from({ length: upTo(5) }, item).join(',')}${upTo(8) === 0 ? ',' : ''}`;
  return NAMELESS.test(text) ? '' : text;
}

describe.skipIf(lacks('libcap'))('as libcap', () => {
  test('writes three sets', () => {
    const triples = randomTriples();
    const asked = triples.map((masks) => question('text', masks));
    const ours = triples.map(([effective, permitted, inheritable]) =>
      formatCapabilityText({ effective, permitted, inheritable }, all),
    );
    expectEqual(asked, ours, askLibcap(asked));
  });

  test('writes inheritable, ambient and bounding', () => {
    // libcap keeps ambient within inheritable, as the kernel does.
    const triples = randomTriples().map(([a, b, c]) => [a | b, b, c] as const);
    const asked = triples.map((masks) => question('iab', masks));
    const ours = triples.map(([inheritable, ambient, bounding]) => formatIab({ inheritable, ambient, bounding }, all));
    expectEqual(asked, ours, askLibcap(asked));
  });

  test('reads three sets, or refuses them', () => {
    const texts = Array.from({ length: TEXTS }, randomText);
    const asked = texts.map((text) => `parse ${text}`);
    const ours = texts.map((text) => {
      const parsed = parseCapabilityText(text, all);
      if (!parsed.ok) return 'EINVAL';
      const { effective, permitted, inheritable } = parsed.sets;
      return [effective, permitted, inheritable].map((mask) => mask.toString(16)).join(' ');
    });
    expectEqual(asked, ours, askLibcap(asked));
    expect(ours.filter((answer) => answer === 'EINVAL').length).toBeGreaterThan(TEXTS / 10);
    expect(ours.filter((answer) => answer !== 'EINVAL').length).toBeGreaterThan(TEXTS / 10);
  });

  test('reads inheritable, ambient and bounding, or refuses them', () => {
    const texts = Array.from({ length: TEXTS }, randomIabText);
    const asked = texts.map((text) => `iparse ${text}`);
    const ours = texts.map((text) => {
      const parsed = parseIab(text, all);
      return parsed.ok ? formatIab(parsed.sets, all) : 'EINVAL';
    });
    expectEqual(asked, ours, askLibcap(asked));
    expect(ours.filter((answer) => answer === 'EINVAL').length).toBeGreaterThan(TEXTS / 20);
  });
});

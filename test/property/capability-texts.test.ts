// Texts of capabilities: what we write is read as the same sets, on kernels of any age; any text is read or refused.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseForm, toIab, toText } from '../../src/capabilities/forms.ts';
import { formatIab, parseIab } from '../../src/capabilities/iab.ts';
import { capabilityNames } from '../../src/capabilities/names.ts';
import { formatCapabilityText, parseCapabilityText } from '../../src/capabilities/text.ts';

const mask = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
/** What kernels from 3.5 on know, and one of the future. */
const all = fc.constantFrom(37, 38, 40, 41, 45, 64).map((count) => (1n << BigInt(count)) - 1n);
const piece = fc.constantFrom(...capabilityNames, '=', '+', '-', ',', ' ', '!', '^', '%', 'eip', '13', 'all', 'docker');
const anything = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(piece).map((pieces) => pieces.join('')),
);

test('three sets, whatever the kernel knows of them', () => {
  fc.assert(
    fc.property(mask, mask, mask, all, (effective, permitted, inheritable, known) => {
      const sets = { effective, permitted, inheritable };
      expect(parseCapabilityText(formatCapabilityText(sets, known), known)).toEqual({ ok: true, sets });
    }),
  );
});

test('inheritable, ambient and bounding, as far as the kernel knows them', () => {
  fc.assert(
    fc.property(mask, mask, mask, all, (some, raised, left, known) => {
      const [ambient, bounding] = [raised & known, left & known];
      const sets = { inheritable: (some & known) | ambient, ambient, bounding };
      expect(parseIab(formatIab(sets, known), known)).toEqual({ ok: true, sets });
    }),
  );
});

test('any text is a form, or refused with a reason', () => {
  fc.assert(
    fc.property(anything, all, fc.constantFrom<'mask' | 'capability'>('mask', 'capability'), (text, known, bare) => {
      const parsed = parseForm(text, known, bare);
      if (parsed.ok) for (const turn of [toText, toIab]) expect(typeof turn(parsed.value, known).text).toBe('string');
      else expect(parsed.problem).not.toBe('');
    }),
  );
});

// The bytes of security.capability, and of file names: both ways.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFileCapabilities, encodeFileCapabilities } from '../../src/capabilities/file-capabilities.ts';
import { decodePath, encodePath } from '../../src/kernel/text/file-name.ts';

const mask = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
const capabilitiesOf = fc.record({
  revision: fc.constantFrom(2 as const, 3 as const),
  permitted: mask,
  inheritable: mask,
  effective: fc.boolean(),
  rootid: fc.integer({ min: 0, max: 0xffff_ffff }),
});

test('file capabilities come back from their bytes', () => {
  fc.assert(
    fc.property(capabilitiesOf, (some) => {
      const capabilities = some.revision === 2 ? { ...some, rootid: 0 } : some;
      expect(decodeFileCapabilities(encodeFileCapabilities(capabilities))).toEqual({ ok: true, capabilities });
    }),
  );
});

const anyBytes = fc.uint8Array({ maxLength: 30 });
/** Of a length and with a revision that may fit. */
const nearlyRight = fc
  .tuple(fc.constantFrom(12, 20, 24), fc.constantFrom(1, 2, 3))
  .chain(([length, revision]) =>
    fc.uint8Array({ minLength: length, maxLength: length }).map((bytes) => bytes.with(3, revision)),
  );

test('any bytes are file capabilities that come to the same again, or a problem', () => {
  fc.assert(
    fc.property(fc.oneof(anyBytes, nearlyRight), (bytes) => {
      const read = decodeFileCapabilities(bytes);
      if (read.ok) expect(decodeFileCapabilities(encodeFileCapabilities(read.capabilities))).toEqual(read);
      else expect(read.problem).not.toBe('');
    }),
  );
});

test('names of whatever bytes come back from their text, beside names of other sorts', () => {
  fc.assert(
    fc.property(fc.array(anyBytes), fc.string({ unit: 'grapheme' }), (names, text) => {
      const path = Buffer.concat([...names.flatMap((name) => [name, Buffer.from('/')]), Buffer.from(text)]);
      expect(Buffer.from(encodePath(decodePath(path))).equals(path)).toBe(true);
    }),
  );
});

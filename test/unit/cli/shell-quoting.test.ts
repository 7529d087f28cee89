import { expect, test } from 'vitest';
import { quoted, quotedVisibly } from '../../../src/cli/shell-quoting.ts';

test.each([
  ['blue', 'blue', 'blue'],
  ['', "''", "''"],
  ['a b', "'a b'", "'a b'"],
  ["it's", String.raw`'it'\''s'`, String.raw`'it'\''s'`],
  ['back\\slash', String.raw`'back\slash'`, String.raw`'back\slash'`],
  ['a\n\u001b[31m7', "'a\n\u001b[31m7'", String.raw`$'a\012\033[31m7'`],
  ["\t\\'", "'\t\\'\\'''", String.raw`$'\011\\\''`],
  ['\u202eü', "'\u202eü'", String.raw`$'\342\200\256ü'`],
])('%j', (word, plain, visible) => {
  expect(quoted(word)).toBe(plain);
  expect(quotedVisibly(word)).toBe(visible);
});

// Names of files as text, and back.

import { describe, expect, it } from 'vitest';
import { decodeName, encodePath } from '../../../src/kernel/text/file-name.ts';

describe('a file name', () => {
  it.each([
    ['plain', Buffer.from('plain')],
    ['grün\u{1f600}', Buffer.from('grün\u{1f600}')],
    ['a\udcff', Buffer.from([0x61, 0xff])],
    // The bytes of a lone surrogate are no UTF-8.
    ['\udced\udcb3\udcbf', Buffer.from([0xed, 0xb3, 0xbf])],
    ['\n\t ', Buffer.from('\n\t ')],
  ])('%j', (text, bytes) => {
    expect(decodeName(bytes)).toBe(text);
    expect(Buffer.from(encodePath(text)).equals(bytes)).toBe(true);
  });
});

// Which mounts lie under others, on tables made by hand.

import { describe, expect, it } from 'vitest';
import { hiddenMounts } from '../../../src/inspect/show/hidden-mounts.ts';
import { parseMountinfo } from '../../../src/kernel/text/mountinfo.ts';

/** `ID PARENT PLACE` a line. */
function hidden(...lines: readonly string[]): readonly (readonly [number, number])[] {
  const text = lines.map((line) => {
    const [id, parent, place] = line.split(' ');
    return `${id} ${parent} 0:${id} / ${place} rw - tmpfs t rw\n`;
  });
  const mounts = parseMountinfo(new TextEncoder().encode(text.join('')), 'f');
  if (!mounts.ok) throw new Error(JSON.stringify(mounts.gap));
  return [...hiddenMounts(mounts.value)].map(([id, by]) => [id, by.id]);
}

describe('a mount', () => {
  it('is reached where nothing lies over it', () => {
    expect(hidden('1 0 /', '2 1 /a', '3 2 /a/b', '4 1 /ab')).toEqual([]);
  });

  it('is hidden by one on top of it, of several by the next', () => {
    expect(hidden('1 0 /', '2 1 /a', '3 2 /a', '4 3 /a')).toEqual([
      [2, 3],
      [3, 4],
    ]);
  });

  it('is hidden with what lies below the one that is covered, but not with its cover', () => {
    expect(hidden('1 0 /', '2 1 /a', '3 2 /a/b', '4 3 /a/b/c', '5 2 /a', '6 5 /a/b')).toEqual([
      [2, 5],
      [3, 5],
      [4, 5],
    ]);
  });

  it('is hidden by one on a folder above its own', () => {
    expect(hidden('1 0 /', '2 1 /a/b', '3 1 /a')).toEqual([[2, 3]]);
  });

  it('is not hidden by itself, as the first root, which lies on itself', () => {
    expect(hidden('1 1 /', '2 1 /a')).toEqual([]);
  });

  it('is hidden by another root', () => {
    expect(hidden('1 0 /', '2 1 /proc', '3 1 /')).toEqual([
      [1, 3],
      [2, 3],
    ]);
  });

  it('may be its own parent in a table that no kernel writes', () => {
    expect(hidden('1 2 /a', '2 1 /b')).toEqual([]);
  });
});

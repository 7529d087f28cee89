// What counts as a change, on layers as literals. Real ones are compared with docker diff in the integration tests.

import { describe, expect, it } from 'vitest';
import { overlayChanges } from '../../../src/containers/overlay-changes.ts';
import type { ContainerRoot } from '../../../src/containers/root.ts';
import { writableSize } from '../../../src/containers/writable-layer.ts';
import type { Tree } from '../../../src/kernel/host.ts';
import { fakeTrees, file, folder, opaque, whiteout, type Node, type Trees } from './fake-trees.ts';

type Layer = Trees[string];

const mount = {
  id: 1,
  parentId: 1,
  major: 0,
  minor: 41,
  root: '/',
  mountPoint: '/',
  options: [],
  optionalFields: [],
  fsType: 'overlay',
  source: 'overlay',
  superOptions: [],
};

function upperTree(upper: Layer): Tree {
  const tree = fakeTrees({ '/upper': upper }).tree({ root: '/upper', path: '', deep: true, limit: 1000 });
  if (!tree.ok) throw new Error('no tree');
  return tree.value;
}

/** Lower layers from the bottom up. */
function changes(upper: Layer, ...lower: readonly Layer[]): { lines: readonly string[]; gaps: readonly unknown[] } {
  const named = lower.map((layer, index) => [`/lower${index}`, layer] as const);
  const root: ContainerRoot = {
    mount,
    driver: 'overlay',
    directory: null,
    layers: named.map(([path]) => ({ role: 'image', directory: path, id: null, digest: null, path })),
    writable: { path: '/upper', directory: '/upper', id: null },
    view: { base: undefined, mounts: [] },
    gaps: [],
  };
  const found = overlayChanges(fakeTrees(Object.fromEntries(named)), root, upperTree(upper));
  return { lines: found.changes.map(({ kind, path }) => `${kind} ${path}`), gaps: found.gaps };
}

const changed: Node = { ...file, modified: 1n };

describe('a path', () => {
  it.each<readonly [string, Layer, readonly Layer[], readonly string[]]>([
    ['that is new', { new: file }, [{}], ['added /new']],
    ['with other contents', { a: changed }, [{ a: file }], ['changed /a']],
    ['of another size', { a: { ...file, size: 5n } }, [{ a: file }], ['changed /a']],
    ['of another mode', { a: { ...file, mode: 0o100_755 } }, [{ a: file }], ['changed /a']],
    ['of another owner', { a: { ...file, uid: 7 } }, [{ a: file }], ['changed /a']],
    ['with other capabilities', { a: { ...file, attributes: { capability: '01' } } }, [{ a: file }], ['changed /a']],
    ['that was copied up and is as before', { a: file }, [{ a: file }], []],
    ['that was deleted', { a: whiteout }, [{ a: file }], ['deleted /a']],
    [
      'deleted, by an attribute',
      { a: { ...file, size: 0n, attributes: { whiteout: '' } } },
      [{ a: file }],
      ['deleted /a'],
    ],
    ['deleted, that never was', { a: whiteout }, [{}], []],
    ['that is a device', { a: { mode: 0o020_600, rdev: 259n } }, [{ a: file }], ['changed /a']],
    ['in a directory', { d: folder, 'd/a': file }, [{ d: folder }], ['changed /d', 'added /d/a']],
    ['in none that changed', { d: folder, 'd/e': folder }, [{ d: folder, 'd/e': folder, 'd/e/x': file }], []],
    ['in a directory that is new', { d: folder, 'd/a': file }, [{}], ['added /d', 'added /d/a']],
    [
      'behind another in the order of names',
      { 'a.b': file, a: folder, 'a/c': file },
      [{}],
      ['added /a', 'added /a/c', 'added /a.b'],
    ],
    ['a file that was a directory', { d: file }, [{ d: folder, 'd/a': file }], ['changed /d']],
    ['a directory that was a file', { d: folder, 'd/a': file }, [{ d: file }], ['changed /d', 'added /d/a']],
  ])('%s', (_, upper, lower, lines) => {
    expect(changes(upper, ...lower)).toEqual({ lines, gaps: [] });
  });

  it('made anew, of which nothing old shows: deleted what is not there again, below it too', () => {
    const old = { d: folder, 'd/a': file, 'd/b': file, 'd/e': folder, 'd/e/x': file };
    const { lines } = changes({ d: opaque, 'd/b': changed, 'd/e': folder }, old);
    expect(lines).toEqual(['changed /d', 'deleted /d/a', 'changed /d/b', 'changed /d/e', 'deleted /d/e/x']);
  });

  it('is compared with the uppermost layer that has it', () => {
    expect(changes({ a: changed }, { a: file }, { a: changed }).lines).toEqual([]);
    expect(changes({ a: changed }, { a: changed }, { a: file }).lines).toEqual(['changed /a']);
  });

  it('is new where a layer had deleted it', () => {
    expect(changes({ a: file }, { a: file }, { a: whiteout }).lines).toEqual(['added /a']);
    const hidden = changes({ d: folder, 'd/a': file }, { d: folder, 'd/a': file }, { d: opaque });
    expect(hidden.lines).toEqual(['changed /d', 'added /d/a']);
    const replaced = changes({ d: folder, 'd/a': file }, { d: folder, 'd/a': file }, { d: file }, { d: folder });
    expect(replaced.lines).toEqual(['changed /d', 'added /d/a']);
  });

  it('brought along by a rename that only overlayfs notes is a gap', () => {
    const renamed = { ...folder, attributes: { redirect: '6f6c64' } };
    expect(changes({ d: renamed }, { old: folder }).gaps).toMatchObject([{ reason: 'unsupported' }]);
  });
});

describe('the size', () => {
  it('counts a file with two names once, directories by their blocks', () => {
    const twice: Node = { ...file, links: 2, ino: 7n, blocks: 8n };
    const size = writableSize(
      upperTree({ '': { ...folder, blocks: 1n }, a: twice, b: twice, d: { ...folder, size: 4096n } }),
    );
    expect(size).toEqual({ disk: 9n * 512n, contents: 4n, entries: 3, cut: false });
  });
});

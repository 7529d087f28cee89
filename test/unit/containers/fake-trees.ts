// Directories as an object literal, for what asks for trees of files.

import { gap, value, type Tree, type TreeEntry, type TreeQuery } from '../../../src/kernel/host.ts';
import type { TreeFiles } from '../../../src/containers/views.ts';
import { fakeFiles, type Entry } from './fake-files.ts';

export type Node = Partial<Omit<TreeEntry, 'path'>>;

export const folder: Node = { mode: 0o040_755 };
export const file: Node = { mode: 0o100_644, size: 4n };
export const whiteout: Node = { mode: 0o020_000 };
export const opaque: Node = { ...folder, attributes: { opaque: '79' } };

/** What stands in each directory, by its path there; the directory itself by an empty one. */
export type Trees = Readonly<Record<string, Readonly<Record<string, Node>>>>;

const NOTHING: Omit<TreeEntry, 'path'> = {
  dev: 1n,
  ino: 1n,
  mode: 0o040_755,
  uid: 0,
  gid: 0,
  links: 1,
  size: 0n,
  blocks: 0n,
  rdev: 0n,
  modified: 0n,
  attributes: {},
};

export function fakeTrees(trees: Trees, entries: Readonly<Record<string, Entry>> = {}): TreeFiles {
  return {
    ...fakeFiles(entries),
    tree: ({ base = '', root, path, deep, limit }: TreeQuery) => {
      const what = `${base}${root}`;
      const nodes = trees[what];
      const top = path === '' ? (nodes?.[''] ?? folder) : nodes?.[path];
      if (nodes === undefined || top === undefined || ((top.mode ?? 0) & 0o170_000) !== 0o040_000) {
        return gap({ reason: 'gone', what: `${what}/${path}` });
      }
      const start = path === '' ? '' : `${path}/`;
      const below = Object.entries(nodes)
        .filter(([name]) => name.startsWith(start) && name !== path && name !== '')
        .map(([name, node]) => ({ ...NOTHING, ...node, path: name.slice(start.length) }))
        .filter((entry) => deep || !entry.path.includes('/'));
      const tree: Tree = {
        top: { ...NOTHING, ...top, path: '' },
        entries: below.slice(0, limit),
        cut: below.length > limit,
        gaps: [],
      };
      return value(tree);
    },
  };
}

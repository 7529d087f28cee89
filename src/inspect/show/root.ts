// The root directory of a process, and what a container's is made of.

import { readRoot, type ContainerRoot, type RootLayer } from '../../containers/root.ts';
import { overlayChanges, type Change } from '../../containers/overlay-changes.ts';
import { MOST_ENTRIES, readWritable, writableSize, type WritableSize } from '../../containers/writable-layer.ts';
import { nobody } from '../../containers/identity.ts';
import { valueOf, type Tree } from '../../kernel/host.ts';
import type { ProcessLook } from './process-look.ts';
import { isReadOnly } from './mounts.ts';
import { plain, type Field, type Value } from './report.ts';

/** Of a process in our mount namespace, and of one with a root that is no mount, the directory alone. */
export function rootField(look: ProcessLook): Field {
  const path = look.link('root');
  const root = rootOf(look);
  if (root === null) return { key: 'root', value: { path, ...unknown }, lines: [path ?? '-'] };
  const { mount, driver, directory, layers, writable } = root;
  const tree = writableTree(look, root);
  const size = tree === null ? null : writableSize(tree);
  const value: Value = {
    path,
    driver,
    fstype: mount.fsType,
    source: mount.source,
    read_only: isReadOnly(mount),
    directory,
    layers: layers.map(({ role, directory, id, digest }) => ({ role, directory, id, digest })),
    writable: writable === null ? null : { directory: writable.directory, id: writable.id, ...sizeValue(size) },
  };
  const lines = [
    path ?? '-',
    `${driver}${driver === mount.fsType ? '' : ` (${mount.fsType})`} ${isReadOnly(mount) ? 'ro' : 'rw'}`,
    ...(directory === null || layers.length > 0 ? [] : [directory]),
    ...layers.map(layerLine),
    ...(writable === null ? [] : [`writable ${writable.directory}`, `writable size ${sizeText(size)}`]),
  ];
  return { key: 'root', value, lines };
}

const unknown = {
  driver: null,
  fstype: null,
  source: null,
  read_only: null,
  directory: null,
  layers: null,
  writable: null,
} as const;

const roots = new WeakMap<ProcessLook, ContainerRoot | null>();
const trees = new WeakMap<ProcessLook, Tree | null>();

/** Read at the first call, and then the same for all fields. */
function kept<T>(known: WeakMap<ProcessLook, T | null>, look: ProcessLook, read: () => T | null): T | null {
  const before = known.get(look);
  if (before !== undefined) return before;
  const found = read();
  known.set(look, found);
  return found;
}

function rootOf(look: ProcessLook): ContainerRoot | null {
  return kept(roots, look, () => {
    const { host, pid, gaps } = look;
    const own = valueOf(host.readLink('/proc/self/ns/mnt'));
    const theirs = host.readLink(`/proc/${pid}/ns/mnt`);
    // A link that is closed to us was told of already: that to the root is, too.
    if (own === undefined || !theirs.ok || theirs.value === own) return null;
    const root = readRoot(host, pid, look.identity ?? nobody);
    // After chroot(2) there is no mount to tell of.
    if (!root.ok && root.gap.reason !== 'unsupported') gaps.add('root', root.gap);
    for (const gap of root.ok ? root.value.gaps : []) gaps.add('layer of the root', gap);
    return root.ok ? root.value : null;
  });
}

/** Absent (null) where there is none, or a gap tells why. */
function writableTree(look: ProcessLook, root: ContainerRoot): Tree | null {
  if (root.writable === null || root.view === null) return null;
  return kept(trees, look, () => {
    const { host, pid, gaps } = look;
    const tree = readWritable(host, pid, root);
    if (!tree.ok) gaps.add('writable layer', tree.gap);
    for (const gap of tree.ok ? tree.value.gaps : []) gaps.add('path of the writable layer', gap);
    if (tree.ok && tree.value.cut) gaps.addUncounted(cutGap(root));
    return tree.ok ? tree.value : null;
  });
}

function cutGap({ writable }: ContainerRoot): Parameters<ProcessLook['gaps']['addUncounted']>[0] {
  return {
    subject: 'path of the writable layer',
    reason: 'unsupported',
    errno: null,
    count: null,
    examples: [writable?.directory ?? ''],
    detail: `only the first ${MOST_ENTRIES} were looked at, and directories nested up to 500 deep`,
  };
}

function sizeValue(size: WritableSize | null): { readonly [key: string]: Value } {
  if (size === null) return { disk_bytes: null, content_bytes: null, entries: null, counted_all: null };
  return { disk_bytes: size.disk, content_bytes: size.contents, entries: size.entries, counted_all: !size.cut };
}

function sizeText(size: WritableSize | null): string {
  if (size === null) return '-';
  const least = size.cut ? 'at least ' : '';
  return `${least}${size.disk} bytes on the disk, ${size.contents} of contents, in ${size.entries} entries`;
}

function layerLine({ role, directory, digest }: RootLayer): string {
  return `${role} ${directory}${digest === null ? '' : ` ${digest}`}`;
}

const LETTERS = { added: 'A', changed: 'C', deleted: 'D' } as const;

/** Walks the writable layer, and looks into those below for each directory in it: only when asked for. */
export function changesField(look: ProcessLook): Field {
  const key = 'changes';
  const root = rootOf(look);
  if (root === null || root.layers.length === 0) {
    look.gaps.add(key, {
      reason: 'unsupported',
      what: `${root?.driver ?? 'a root of no container'}: nothing tells them`,
    });
    return plain(key, null);
  }
  // Nothing can be written to it.
  if (root.writable === null) return { key, value: [], lines: [] };
  const tree = writableTree(look, root);
  if (tree === null) return plain(key, null);
  const { changes, gaps } = overlayChanges(look.host, root, tree);
  for (const gap of gaps) look.gaps.add('changed path', gap);
  return { key, value: changes.map(changeValue), lines: changes.map(changeLine) };
}

function changeValue({ kind, path }: Change): Value {
  return { change: kind, path };
}

function changeLine({ kind, path }: Change): string {
  return `${LETTERS[kind]} ${path}`;
}

// Showing files to the command alone: in a mount namespace of its own each is mounted over the one of this host. A file
// that this host lacks gets a place in a view of its directory.

import {
  AT_RECURSIVE,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOVE_MOUNT_T_SYMLINKS,
  OPEN_TREE_CLONE,
} from '../kernel/abi/mount-flags.ts';
import { O_PATH } from '../kernel/abi/open-flags.ts';
import type { Host } from '../kernel/host.ts';
import { ERRNO } from '../kernel/abi/errno.ts';
import type { Explanation, Operation, Slot, Step } from '../kernel/program.ts';
import { explainOpen, failureStatus } from './explain-enter.ts';
import { refusals } from './private-mounts.ts';
import type { ShownFile } from './resolver-files.ts';
import { step } from './step.ts';
import { emptyView, entriesOf, fillView, place } from './view.ts';

const ETC = '/etc';
const SHOW = "show the target's way of resolving names";
const WITHOUT = 'nstool enter … --no-dns';
const failed = { explanations: refusals(SHOW, WITHOUT) };

/** `exists` tells of a path of the root that the command will have; `root` is where that root is now, '' for ours. */
export function showFiles(
  host: Host,
  files: readonly ShownFile[],
  root: string,
  exists: (path: string) => boolean,
): readonly Step[] {
  const slot = 'shown';
  const missing = files.some(({ path }) => path.startsWith(`${ETC}/`) && !exists(path));
  const inEtc = files.filter(({ path }) => path.startsWith(`${ETC}/`));
  const viewed = missing ? inEtc : [];
  const written = files.filter((file) => !viewed.includes(file) && 'bytes' in file.content);
  const bound = files.filter((file) => !viewed.includes(file) && 'bind' in file.content);
  return [
    ...(viewed.length === 0 ? [] : showInView(host, viewed, root, exists)),
    ...(written.length === 0 ? [] : showCopies(written, slot)),
    ...copyBound(bound),
    ...attachBound(bound),
  ];
}

/** Only what is attached somewhere can be copied: over the root nothing sees it. From Linux 6.15 on it could float. */
function openStore(into: Slot): readonly Step[] {
  return [
    step(
      'make a tmpfs',
      'it holds the files that are shown; it is in memory',
      {
        op: 'fsmount',
        type: 'tmpfs',
        options: ['mode=0755'],
        attributes: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC,
        into,
      },
      failed,
    ),
    step(
      'attach it over the root',
      'files can be mounted only from what is attached; no path leads there',
      {
        op: 'attach',
        slot: into,
        path: '/',
        flags: 0,
      },
      failed,
    ),
  ];
}

function closeStore(slot: Slot): Step {
  return step('detach the tmpfs', 'the copies keep it', { op: 'detach', slot }, failed);
}

/** None is mounted before the tmpfs is off the root again: a link like ../run/resolv.conf would climb into it. */
function showCopies(files: readonly ShownFile[], slot: Slot): readonly Step[] {
  const copies = files.map((file, index) => ({ file, name: `${index}`, copy: `copy ${index}` }));
  return [
    ...openStore(slot),
    ...copies.flatMap(({ file, name, copy }) => makeCopy(file, name, slot, copy)),
    closeStore(slot),
    ...copies.map(({ file: { path, reason }, copy }) => attachTo(path, copy, reason)),
  ];
}

function makeCopy({ path, content, reason }: ShownFile, name: string, dir: Slot, into: Slot): readonly Step[] {
  const bytes = 'bytes' in content ? content.bytes : '';
  return [
    step(`write what ${path} shall be`, reason, { op: 'file', dir, path: name, mode: 0o644, bytes }, failed),
    step(
      'copy its mount',
      'to be attached elsewhere',
      { op: 'tree', dir, path: name, flags: OPEN_TREE_CLONE, into },
      failed,
    ),
  ];
}

/** Links are followed: /etc/resolv.conf often is one into /run. */
function attachTo(path: string, slot: Slot, reason: string): Step {
  const operation: Operation = { op: 'attach', slot, path, flags: MOVE_MOUNT_T_SYMLINKS };
  return step(`mount it over ${path}`, reason, operation, { explanations: [notOver(path), ...failed.explanations] });
}

/** The first explanation of an errno counts. */
function notOver(path: string): Explanation {
  const text = `nstool: cannot ${SHOW}: EINVAL\n  why: ${path} is a directory here\n  try: ${WITHOUT}\n`;
  return { errno: ERRNO.EINVAL, status: failureStatus, text };
}

/** All before any of them is mounted: one may be a link to a file that another is mounted over. */
function copyBound(files: readonly ShownFile[]): readonly Step[] {
  return files.map(({ content, reason }, index) => {
    const path = 'bind' in content ? content.bind : '';
    const flags = OPEN_TREE_CLONE | AT_RECURSIVE;
    return step(`copy the mount of ${path}`, reason, { op: 'tree', path, flags, into: boundSlot(index) }, failed);
  });
}

function attachBound(files: readonly ShownFile[]): readonly Step[] {
  return files.map(({ path, reason }, index) => attachTo(path, boundSlot(index), reason));
}

const boundSlot = (index: number): Slot => `file ${index}`;

/** A mount point cannot be made in a directory that is not ours to change, so that a view of it takes its place. */
function showInView(
  host: Host,
  files: readonly ShownFile[],
  root: string,
  exists: (path: string) => boolean,
): readonly Step[] {
  const bound = files.filter(({ content }) => 'bind' in content);
  // What is there already stays as it is, a link too: what is bound goes over it, where it leads.
  const placed = files.filter((file) => !bound.includes(file) || !exists(file.path));
  const names = new Set(placed.map(({ path }) => path.slice(ETC.length + 1)));
  const kept = entriesOf(host, `${root}${ETC}`).filter(({ name }) => !names.has(name));
  const [old, view] = ['old etc', 'etc'];
  return [
    step(
      `open ${ETC}`,
      'before the view of it takes its place',
      { op: 'open', path: ETC, flags: O_PATH, into: old },
      {
        explanations: explainOpen(ETC),
      },
    ),
    ...copyBound(bound),
    ...emptyView(`a view of ${ETC}, which lacks a file`, kept, view),
    ...placed.map((file) => placeInView(file, view)),
    step(
      `attach it to ${ETC}`,
      'nothing is written into the directory itself',
      {
        op: 'attach',
        slot: view,
        path: ETC,
        flags: MOVE_MOUNT_T_SYMLINKS,
      },
      failed,
    ),
    ...fillView(kept, old, view),
    ...attachBound(bound),
  ];
}

function placeInView({ path, content, reason }: ShownFile, dir: Slot): Step {
  const name = path.slice(ETC.length + 1);
  if ('bind' in content && content.isDirectory) return place({ name, type: 'directory' }, dir);
  const bytes = 'bytes' in content ? content.bytes : '';
  return step(`write ${path}`, reason, { op: 'file', dir, path: name, mode: 0o644, bytes }, failed);
}

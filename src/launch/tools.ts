// `--tools`: a root with this host's programs (or those of a directory) and the target's file system below /target. It
// is a tmpfs in a mount namespace of the command's own: nothing is written anywhere.
//
// The target's mounts can be copied only by who is in its mount namespace, and attached only in our own: we go there
// and come back. The copy hears of what is mounted in the target later, the target of nothing that we mount.

import { kindFacts } from '../kernel/abi/namespace-kinds.ts';
import { AT_EMPTY_PATH, AT_RECURSIVE, MS_REC, MS_SLAVE, OPEN_TREE_CLONE } from '../kernel/abi/mount-flags.ts';
import { O_PATH, O_RDONLY } from '../kernel/abi/open-flags.ts';
import { NsError } from '../kernel/error.ts';
import type { Host } from '../kernel/host.ts';
import { ERRNO } from '../kernel/abi/errno.ts';
import type { Explanation, Step } from '../kernel/program.ts';
import { explainOpen, failureStatus } from './explain-enter.ts';
import { noCopy } from './rule.ts';
import { refusals, unshareMounts } from './private-mounts.ts';
import { PROCESS_SLOT, step } from './step.ts';
import { emptyView, entriesOf, fillView, type ViewEntry } from './view.ts';

const TARGET_FOLDER = 'target';
const WHAT = "put the target's file system below /target";
const failed = { explanations: refusals(WHAT) };
/** What of this host is in the root besides, where the programs are those of a directory. */
const KERNEL_FOLDERS = ['dev', 'proc', 'sys'];
const directory = (name: string): ViewEntry => ({ name, type: 'directory' });

/** The target's root, pinned before anything is entered. */
export function openTargetRoot(pid: number): Step {
  return step(
    `open /proc/${pid}/root`,
    'the root of the target: what it changes it to from here on does not count',
    { op: 'open', dir: PROCESS_SLOT, path: 'root', flags: O_PATH, into: 'target root' },
    { explanations: explainOpen(`/proc/${pid}/root`) },
  );
}

/** `from`: the directory whose programs they are; undefined: this host's. Needs the target's mount namespace in `mnt`. */
export function tools(host: Host, from: string | undefined): readonly Step[] {
  const found = entriesOf(host, from ?? '/');
  if (found.length === 0) {
    throw new NsError('NO_FILE', { what: `no programs in ${from ?? '/'}`, why: 'it is no directory, or empty' });
  }
  const kernels = from === undefined ? [] : KERNEL_FOLDERS;
  const kept = found.filter(({ name }) => name !== TARGET_FOLDER && !kernels.includes(name));
  const more = [...kernels, 'etc', TARGET_FOLDER].filter((name) => !kept.some((entry) => entry.name === name));
  return [...unshareMounts(WHAT), ...copyTarget(), ...view(kept, more, kernels, from ?? '/'), ...enterView()];
}

/** The first explanation of an errno counts. */
const notCopied: Explanation = {
  errno: ERRNO.EPERM,
  status: failureStatus,
  text: `nstool: ${noCopy.what}\n  why: ${noCopy.why}\n  try: ${noCopy.tryThis}\n`,
};

function copyTarget(): readonly Step[] {
  const type = kindFacts('mnt').flagValue;
  const own = '/proc/self/ns/mnt';
  return [
    step(
      `open ${own}`,
      'the way back',
      { op: 'open', path: own, flags: O_RDONLY, into: 'own mounts' },
      {
        explanations: explainOpen(own),
      },
    ),
    step('open /', 'coming back leads to the root of the mount namespace, which may be another', {
      op: 'open',
      path: '/',
      flags: O_PATH,
      into: 'own root',
    }),
    step(
      'setns to the mounts of the target',
      'only in there they can be copied',
      { op: 'setns', slot: 'mnt', type },
      { explanations: [notCopied, ...failed.explanations] },
    ),
    step(
      "copy the target's mounts",
      'all of them, from its root on; they are nowhere yet',
      {
        op: 'tree',
        dir: 'target root',
        path: '',
        flags: OPEN_TREE_CLONE | AT_RECURSIVE | AT_EMPTY_PATH,
        into: 'target mounts',
      },
      failed,
    ),
    step('setns back', 'the new root is made of our own mounts', { op: 'setns', slot: 'own mounts', type }, failed),
    step('chroot back', 'to the root that we had', { op: 'chroot', slot: 'own root' }, failed),
  ];
}

function view(
  kept: readonly ViewEntry[],
  more: readonly string[],
  kernels: readonly string[],
  from: string,
): readonly Step[] {
  return [
    step(
      `open ${from}`,
      'its programs will be run',
      { op: 'open', path: from, flags: O_PATH, into: 'tools' },
      {
        explanations: explainOpen(from),
      },
    ),
    ...emptyView('the new root', [...kept, ...more.map(directory)], 'view'),
    step(
      'attach it over the root',
      'what is to be bound in it must be attached; no path leads there yet',
      {
        op: 'attach',
        slot: 'view',
        path: '/',
        flags: 0,
      },
      failed,
    ),
    ...fillView(kept, 'tools', 'view'),
    ...fillView(kernels.map(directory), 'own root', 'view'),
    step(
      `attach the target's mounts to /${TARGET_FOLDER}`,
      'asked for',
      {
        op: 'attach',
        slot: 'target mounts',
        dir: 'view',
        path: TARGET_FOLDER,
        flags: 0,
      },
      failed,
    ),
  ];
}

function enterView(): readonly Step[] {
  const path = `/${TARGET_FOLDER}`;
  return [
    step('chroot to the new root', 'it is complete', { op: 'chroot', slot: 'view' }, failed),
    step(
      'make all mounts slaves',
      "what is mounted below /target does not come to be in the target's own namespace",
      {
        op: 'propagate',
        path: '/',
        type: MS_REC | MS_SLAVE,
      },
      failed,
    ),
    step(`open ${path}`, 'to begin there', { op: 'open', path, flags: O_PATH, into: 'target folder' }),
    step(`chdir to ${path}`, "the target's root", { op: 'chdir', slot: 'target folder' }),
  ];
}

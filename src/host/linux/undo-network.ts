// Takes back what was made of a network, if it still is what we made: a link by its address, a namespace by its number, a
// file by what it says.

import { randomInt } from 'node:crypto';
import { closeSync, lstatSync, openSync, readFileSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import { IFF_UP } from '../../kernel/abi/netlink.ts';
import type { Reading } from '../../kernel/host.ts';
import type { JournalEntry, NetworkUndo } from '../../kernel/journal.ts';
import {
  encodeDown,
  encodeMark,
  encodeMaster,
  encodeMove,
  encodeMtu,
  encodeRemoveGroup,
  encodeRemoveLink,
  encodeUp,
} from '../../kernel/netlink/change.ts';
import { decodeLinks, encodeLinkDump, type Link } from '../../kernel/netlink/links.ts';
import type { NetworkUndone } from '../../kernel/network-plan.ts';
import { askNetlink } from './netlink-socket.ts';
import { gapOfThrown } from './nsfs.ts';
import { applyRelease } from './release.ts';
import { endProcess } from './end-process.ts';
import { undoSetting } from './undo-setting.ts';

type UndoOf<Op extends NetworkUndo['op']> = Extract<NetworkUndo, { op: Op }>;

const OWN = '/proc/thread-self/ns/net';

const GONE: NetworkUndone = { state: 'gone', why: null };
const REMOVED: NetworkUndone = { state: 'removed', why: null };
const PLANNED: NetworkUndone = { state: 'planned', why: null };
const ANOTHER: NetworkUndone = { state: 'gone', why: 'another has its name' };

export interface UndoOptions {
  readonly dryRun: boolean;
  /** The entries of the journal but that which it is of. */
  readonly others: readonly JournalEntry[];
}

export function undoNetwork(undo: NetworkUndo, { dryRun, others }: UndoOptions): NetworkUndone {
  try {
    switch (undo.op) {
      case 'network link':
        return undoLinks([undo], dryRun)[0] ?? GONE;
      case 'process':
        return endProcess(undo, dryRun);
      case 'network move':
        return undoMove(undo, dryRun);
      case 'network name':
        return undoName(undo, dryRun);
      case 'folder':
        return undoFolder(undo, dryRun);
      case 'file':
        return undoFile(undo, dryRun);
      case 'sysctl':
      case 'route':
      case 'nft table':
      case 'nft rules':
        return undoSetting(undo, dryRun, others);
    }
  } catch (error) {
    return left(gapOfThrown('', error));
  }
}

function left(reading: Reading<unknown>): NetworkUndone {
  if (reading.ok) return REMOVED;
  const { reason, errno, text } = reading.gap;
  return reason === 'gone' ? GONE : { state: 'left', why: text ?? errno ?? reason };
}

export function ownNetwork(): bigint {
  return statSync(OWN, { bigint: true }).ino;
}

function listLinks(namespace?: string): Reading<readonly Link[]> {
  const request = encodeLinkDump(namespace);
  const answer = askNetlink(request);
  return answer.ok ? decodeLinks(answer.value, 'netlink') : answer;
}

/**
 * In this order. Links that come one after the other go at once: each alone takes the kernel 17 ms, a hundred of them no
 * longer.
 */
export function undoNetworks(undo: readonly NetworkUndo[], options: UndoOptions): readonly NetworkUndone[] {
  const outcomes: NetworkUndone[] = [];
  for (let at = 0; at < undo.length; at = outcomes.length) {
    const links = undo.slice(at, endOfLinks(undo, at)).filter((each) => each.op === 'network link');
    const [one] = undo.slice(at, at + 1);
    if (links.length > 0) outcomes.push(...undoLinks(links, options.dryRun));
    else if (one !== undefined) outcomes.push(undoNetwork(one, options));
  }
  return outcomes;
}

/** Of those from `start` on that are links of one namespace. */
function endOfLinks(undo: readonly NetworkUndo[], start: number): number {
  const first = undo[start];
  if (first?.op !== 'network link') return start;
  const end = undo.findIndex(
    (each, at) =>
      at > start && (each.op !== 'network link' || each.door !== first.door || each.network !== first.network),
  );
  return end < 0 ? undo.length : end;
}

type LinkUndo = UndoOf<'network link'>;

/** All of one namespace. */
function undoLinks(undo: readonly LinkUndo[], dryRun: boolean): readonly NetworkUndone[] {
  try {
    return removeLinks(undo, dryRun);
  } catch (error) {
    return undo.map(() => left(gapOfThrown('', error)));
  }
}

function removeLinks(undo: readonly LinkUndo[], dryRun: boolean): readonly NetworkUndone[] {
  const [{ door, network } = { door: null, network: 0n }] = undo;
  const all = (outcome: NetworkUndone): readonly NetworkUndone[] => undo.map(() => outcome);
  // Its namespace is gone, and they with it; or another has its way, which is not meant.
  if (door !== null && statSync(door, { bigint: true, throwIfNoEntry: false })?.ino !== network) return all(GONE);
  if (door === null && network !== ownNetwork())
    return all({ state: 'left', why: `it is in net:[${network}], and we are not` });
  const links = listLinks(door ?? undefined);
  if (!links.ok) return all(left(links));
  const found = undo.map((each) => links.value.find((link) => isIt(link, each)));
  const going = found.filter((link) => link !== undefined);
  const outcomes = found.map((link): NetworkUndone => {
    if (link === undefined) return GONE;
    const ports = links.value.filter(({ master, ifindex }) => {
      return master === link.ifindex && !going.some((each) => each.ifindex === ifindex);
    });
    if (dryRun || ports.length === 0) return PLANNED;
    return {
      state: 'left',
      why: `it has ports of others: ${ports
        .slice(0, 3)
        .map(({ name }) => name)
        .join(', ')}`,
    };
  });
  if (dryRun) return outcomes;
  const indexes = found.flatMap((link, at) => (link !== undefined && outcomes[at] === PLANNED ? [link.ifindex] : []));
  const removed = indexes.length === 0 ? REMOVED : left(removeAll(indexes, door ?? undefined));
  return outcomes.map((outcome) => (outcome === PLANNED ? removed : outcome));
}

/** Those that went with another one, its other end or what it was on, are gone. */
function removeAll(indexes: readonly number[], namespace: string | undefined): Reading<unknown> {
  const where = namespace === undefined ? {} : { namespace };
  const [first = 0] = indexes;
  if (indexes.length === 1) return askNetlink({ ...encodeRemoveLink(first), ...where });
  // They get a number in common that no other link has, and are removed by it.
  const group = randomInt(2 ** 30, 2 ** 31);
  for (const ifindex of indexes) {
    const marked = askNetlink({ ...encodeMark(ifindex, { group, mtu: null }), ...where });
    if (!marked.ok && marked.gap.reason !== 'gone') return marked;
  }
  return askNetlink({ ...encodeRemoveGroup(group), ...where });
}

/** A tun has no link address. */
function isIt(link: Link, { name, kind, mac }: LinkUndo): boolean {
  return link.kind === kind && (kind === 'tun' ? link.name === name : link.address === mac);
}

/** Where its namespace has ended the kernel has put it into the initial one, which may be ours, perhaps under another name. */
function undoMove(undo: UndoOf<'network move'>, dryRun: boolean): NetworkUndone {
  const { name, mac, mtu, isUp, network, home, door } = undo;
  if (home !== ownNetwork()) return { state: 'left', why: `it is of net:[${home}], and we are not there` };
  const isThere = door !== null && statSync(door, { bigint: true, throwIfNoEntry: false })?.ino === network;
  for (const namespace of isThere ? [door, undefined] : [undefined]) {
    const links = listLinks(namespace);
    if (!links.ok) return left(links);
    const link = links.value.find((each) => each.address === mac);
    if (link === undefined) continue;
    const isHome =
      namespace === undefined && link.name === name && link.master === null && (mtu === null || link.mtu === mtu);
    if (isHome && ((link.flags & IFF_UP) !== 0) === isUp) return GONE;
    return dryRun ? PLANNED : giveBack(link, namespace, undo);
  }
  return GONE;
}

function giveBack(
  link: Link,
  namespace: string | undefined,
  { name, mtu, isUp }: UndoOf<'network move'>,
): NetworkUndone {
  const { ifindex, master } = link;
  const where = namespace === undefined ? {} : { namespace };
  const fd = openSync(OWN, 'r');
  try {
    // The kernel renames no link that is up before Linux 6.2.
    const release = master === null ? [] : [encodeMaster(ifindex, 0)];
    const move = encodeMove(ifindex, namespace === undefined ? null : fd, name);
    const size = mtu === null ? [] : [encodeMtu(ifindex, mtu)];
    for (const request of [encodeDown(ifindex), ...size, ...release, move]) {
      const answer = askNetlink({ ...request, ...where });
      if (!answer.ok) return left(answer);
    }
  } finally {
    closeSync(fd);
  }
  if (!isUp) return REMOVED;
  const links = listLinks();
  const back = links.ok ? links.value.find((each) => each.address === link.address) : undefined;
  return back === undefined ? REMOVED : left(askNetlink(encodeUp(back.ifindex)));
}

/** Killed before it was mounted, there is an empty file with nothing on it. */
function undoName({ path, inode, id }: UndoOf<'network name'>, dryRun: boolean): NetworkUndone {
  const status = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (status === undefined) return GONE;
  const isMounted = status.dev === statSync('/proc/self/ns/net', { bigint: true }).dev;
  if (isMounted && status.ino !== inode) return ANOTHER;
  if (dryRun) return PLANNED;
  const remove = { op: 'remove', path, link: null, reason: '' } as const;
  const unmount = { op: 'unmount', path, within: null, reason: '' } as const;
  const operations = isMounted ? [unmount, remove] : [remove];
  const outcomes = applyRelease({ namespace: { kind: 'net', inode, id }, operations });
  const [first] = outcomes;
  // Its number was given to another meanwhile.
  if (isMounted && first?.type === 'gone') return ANOTHER;
  const failed = outcomes.find((each) => each.type === 'failed');
  return failed?.type === 'failed' ? left({ ok: false, gap: failed.gap }) : REMOVED;
}

function undoFolder({ path }: UndoOf<'folder'>, dryRun: boolean): NetworkUndone {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() !== true) return GONE;
  if (dryRun) return PLANNED;
  try {
    rmdirSync(path);
    return REMOVED;
  } catch (error) {
    const refused = gapOfThrown(path, error);
    if (!refused.ok && refused.gap.errno === 'ENOTEMPTY') return { state: 'gone', why: 'others have files in it' };
    throw error;
  }
}

/** Killed while it was written, it has the beginning. */
function undoFile({ path, text }: UndoOf<'file'>, dryRun: boolean): NetworkUndone {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return GONE;
  const isOurs = status.isFile() && status.size <= text.length && text.startsWith(readFileSync(path, 'utf8'));
  if (!isOurs) return { state: 'left', why: 'it says what we did not write' };
  if (dryRun) return PLANNED;
  unlinkSync(path);
  return REMOVED;
}

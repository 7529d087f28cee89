// Carries a plan of a network out, step by step. The journal has the undo of each before it is done; if one fails, those
// before it are undone at once.

import { chmodSync, closeSync, fstatSync, lstatSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { gap, value, type NetlinkRequest, type Reading } from '../../kernel/host.ts';
import type { JournalEntry, NetworkUndo, Undo } from '../../kernel/journal.ts';
import {
  encodeAlias,
  encodeMaster,
  encodeNewAddress,
  encodeNewBridge,
  encodeNewDefaultRoute,
  encodeNewVeth,
  encodeUp,
} from '../../kernel/netlink/change.ts';
import { encodeLinkUp, LOOPBACK } from '../../kernel/netlink/link-up.ts';
import {
  isOpen,
  LINK_GROUP,
  type NetworkBuilding,
  type NetworkBuilt,
  type NetworkOperation,
  type NetworkStep,
} from '../../kernel/network-plan.ts';
import { inNewNetwork } from './in-namespace.ts';
import type { Journal } from './journal.ts';
import { nameNetwork } from './name-network.ts';
import { askNetlink } from './netlink-socket.ts';
import { askNamespace, gapOfThrown } from './nsfs.ts';
import { listLinks, ownNetwork, undoNetwork } from './undo-network.ts';

const OWN = '/proc/thread-self/ns/net';
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

type Operation<Op extends NetworkOperation['op']> = Extract<NetworkOperation, { op: Op }>;

/** What the steps share: the namespace that they are about, as a descriptor. */
interface Site {
  inside: number;
}

/** Errors: DENIED, of the journal. */
export function buildNetwork(building: NetworkBuilding, journal: Journal): NetworkBuilt {
  const { id, what, path, steps, standing } = building;
  const begun = standing ?? journal.add(what, [], id);
  const made: NetworkUndo[] = [];
  const site: Site = { inside: -1 };
  try {
    for (const step of steps) {
      const done = carryOut(step, site, path, (undo) => {
        made.push(undo);
        journal.update({ ...begun, undo: [...begun.undo, ...made] });
      });
      if (!done.ok) return { ok: false, at: step, gap: done.gap, left: takeBack(begun, made, standing, journal) };
    }
    journal.update({ ...begun, kept: true, undo: [...begun.undo, ...made] });
    return { ok: true };
  } finally {
    if (site.inside >= 0) closeSync(site.inside);
  }
}

/** What stood before goes on standing. */
function takeBack(
  begun: JournalEntry,
  made: readonly NetworkUndo[],
  standing: JournalEntry | null,
  journal: Journal,
): readonly NetworkUndo[] {
  const undone = made.toReversed().map((undo) => ({ undo, outcome: undoNetwork(undo, false) }));
  const left = undone.filter(({ outcome }) => outcome.state === 'left').map(({ undo }) => undo);
  const open = undone.filter(({ undo, outcome }) => left.length > 0 && isOpen(undo, outcome)).map(({ undo }) => undo);
  const undo: readonly Undo[] = [...begun.undo, ...open.toReversed()];
  if (undo.length === 0 && standing === null) journal.remove(begun);
  else journal.update({ ...begun, undo });
  return left;
}

function carryOut(step: NetworkStep, site: Site, path: string, before: (undo: NetworkUndo) => void): Reading<unknown> {
  const { operation, undo } = step;
  try {
    // Its number is known only when it is made: it gets its name after the journal has that.
    if (operation.op === 'namespace') return makeNamespace(operation, site, before);
    if (site.inside < 0) site.inside = openSync(path, 'r');
    if (undo !== null) before(undo.op === 'network link' ? { ...undo, network: ownNetwork() } : undo);
    return apply(operation, site);
  } catch (error) {
    return gapOfThrown(step.what, error);
  }
}

/** Killed before it has its name, it goes with us. */
function makeNamespace(
  { path }: Operation<'namespace'>,
  site: Site,
  before: (undo: NetworkUndo) => void,
): Reading<unknown> {
  const made = inNewNetwork((): Reading<number> => {
    const answer = askNetlink({ ...encodeLinkUp(LOOPBACK), namespace: OWN });
    return answer.ok ? value(openSync(OWN, 'r')) : answer;
  });
  if (!made.ok) return made;
  site.inside = made.value;
  const door = doorOf(site);
  const inode = fstatSync(made.value, { bigint: true }).ino;
  const id = askNamespace(door, ['NS_GET_ID']);
  before({ op: 'network name', path, inode, id: id.ok ? id.value : null });
  const named = nameNetwork({ path, of: { door, inode } });
  return named.type === 'named' ? value(named) : gap(named.gap);
}

function apply(operation: Exclude<NetworkOperation, Operation<'namespace'>>, site: Site): Reading<unknown> {
  switch (operation.op) {
    case 'bridge':
      return askNetlink(encodeNewBridge({ ...operation, group: LINK_GROUP }));
    case 'veth':
      return makeVeth(operation, site);
    case 'alias':
      return change(operation.link, undefined, (ifindex) => encodeAlias(ifindex, operation.alias));
    case 'port':
      return makePort(operation);
    case 'address': {
      const bytes = bytesOf(operation.address);
      return change(operation.link, placeOf(operation, site), (ifindex) =>
        encodeNewAddress(ifindex, bytes, operation.prefixLength),
      );
    }
    case 'up':
      return change(operation.link, placeOf(operation, site), encodeUp);
    case 'route':
      return askNetlink({ ...encodeNewDefaultRoute(bytesOf(operation.gateway)), namespace: doorOf(site) });
    case 'folder':
      return makeFolder(operation.path);
    case 'file':
      return makeFile(operation);
  }
}

/** One that is there already is another lab's, and from now on ours too. */
function makeFolder(path: string): Reading<unknown> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return value(null);
  mkdirSync(path, FOLDER_MODE);
  // Whatever the umask is: every user may see it, as ip-netns(8) has it.
  chmodSync(path, FOLDER_MODE);
  return value(null);
}

/** One that says so already was left when the system was started again. */
function makeFile({ path, text }: Operation<'file'>): Reading<unknown> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isFile() === true && readFileSync(path, 'utf8') === text)
    return value(null);
  writeFileSync(path, text, { flag: 'wx', mode: FILE_MODE });
  chmodSync(path, FILE_MODE);
  return value(null);
}

function makeVeth({ name, mac, mtu, bridge, peer }: Operation<'veth'>, site: Site): Reading<unknown> {
  const master = indexOf(bridge);
  if (!master.ok) return master;
  const end = { name, mac, mtu, group: LINK_GROUP };
  const other = { ...peer, mtu, group: LINK_GROUP, namespace: site.inside };
  return askNetlink(encodeNewVeth(end, other, master.value));
}

function makePort({ link, bridge }: Operation<'port'>): Reading<unknown> {
  const master = indexOf(bridge);
  return master.ok ? change(link, undefined, (ifindex) => encodeMaster(ifindex, master.value)) : master;
}

function change(
  link: string,
  namespace: string | undefined,
  encode: (ifindex: number) => NetlinkRequest,
): Reading<unknown> {
  const index = indexOf(link, namespace);
  if (!index.ok) return index;
  return askNetlink({ ...encode(index.value), ...(namespace === undefined ? {} : { namespace }) });
}

function indexOf(name: string, namespace?: string): Reading<number> {
  const links = listLinks(namespace);
  if (!links.ok) return links;
  const link = links.value.find((each) => each.name === name);
  return link === undefined ? gap({ reason: 'gone', what: name, errno: 'ENODEV' }) : value(link.ifindex);
}

function doorOf({ inside }: Site): string {
  return `/proc/self/fd/${inside}`;
}

function placeOf({ inside }: { readonly inside: boolean }, site: Site): string | undefined {
  return inside ? doorOf(site) : undefined;
}

function bytesOf(address: string): Uint8Array {
  return Uint8Array.from(address.split('.'), Number);
}

// Carries a plan of a network out. The journal has the undo of every step before the first is done; if one fails, those
// before it are undone at once.

import { fstatSync, openSync } from 'node:fs';
import { gap, value, type Reading } from '../../kernel/host.ts';
import type { JournalEntry, NetworkUndo, Undo } from '../../kernel/journal.ts';
import { encodeLinkUp, LOOPBACK } from '../../kernel/netlink/link-up.ts';
import {
  isOpen,
  type NetworkBuilding,
  type NetworkBuilt,
  type NetworkOperation,
  type NetworkPlace,
  type NetworkStep,
} from '../../kernel/network-plan.ts';
import { applyNetwork } from './apply-network.ts';
import { inNewNetwork } from './in-namespace.ts';
import type { Journal } from './journal.ts';
import { nameNetwork } from './name-network.ts';
import { askNetlink } from './netlink-socket.ts';
import { NetworkPlaces } from './network-places.ts';
import { askNamespace, gapOfThrown } from './nsfs.ts';
import { ownNetwork, undoNetworks } from './undo-network.ts';

const OWN = '/proc/thread-self/ns/net';

/** Errors: DENIED, of the journal. */
export function buildNetwork(building: NetworkBuilding, journal: Journal): NetworkBuilt {
  const { id, what, standing } = building;
  const begun = standing ?? journal.add(what, [], id);
  const places = new NetworkPlaces();
  const done: NetworkUndo[] = [];
  try {
    const failed = carryOut(building, begun, places, done, journal);
    if (failed !== null) return { ok: false, ...failed, left: takeBack(begun, done, standing, journal) };
    const kept = [...stillOpen(begun.undo, building), ...done];
    journal.update({ ...begun, what, note: building.note, kept: true, undo: kept });
    return { ok: true };
  } finally {
    places.close();
  }
}

/** What was undone on the way needs no undo, and of a file that was replaced the newest text is meant. */
function stillOpen(undo: readonly Undo[], { steps }: NetworkBuilding): readonly Undo[] {
  const undone = new Set<Undo>(steps.flatMap(({ operation }) => (operation.op === 'undo' ? [operation.undo] : [])));
  const files = new Set(steps.flatMap(({ operation }) => (operation.op === 'file' ? [operation.path] : [])));
  return undo.filter((each) => !undone.has(each) && !(each.op === 'file' && files.has(each.path)));
}

interface Failed {
  readonly at: NetworkStep;
  readonly gap: Extract<Reading<unknown>, { ok: false }>['gap'];
}

/** `done`: the undo of what was begun. null: nothing failed. */
function carryOut(
  { steps, places: standing }: NetworkBuilding,
  begun: JournalEntry,
  places: NetworkPlaces,
  done: NetworkUndo[],
  journal: Journal,
): Failed | null {
  const undo = new Map<NetworkStep, NetworkUndo>();
  for (const step of steps) {
    const ready = attempt(step, () => prepare(step, standing, places));
    if (!ready.ok) return { at: step, gap: ready.gap };
    if (ready.value !== null) undo.set(step, ready.value);
  }
  // One entry for all: what was not made yet is found to be gone.
  journal.update({ ...begun, undo: [...begun.undo, ...undo.values()] });
  const others = othersThan(begun, journal);
  for (const step of steps) {
    const back = undo.get(step);
    if (back !== undefined) done.push(back);
    const answer = attempt(step, () => carryOutOne(step, places, others));
    if (!answer.ok) return { at: step, gap: answer.gap };
  }
  return null;
}

function othersThan({ id }: JournalEntry, journal: Journal): readonly JournalEntry[] {
  return journal.list().entries.filter((each) => each.id !== id);
}

function attempt<T>({ what }: NetworkStep, act: () => Reading<T>): Reading<T> {
  try {
    return act();
  } catch (error) {
    return gapOfThrown(what, error);
  }
}

/**
 * A namespace is made, and held, as its number is known only then; it gets its name when the journal has that, and goes
 * with us if we are killed before. Of the others the namespaces are opened. The answer: its undo.
 */
function prepare(
  { operation, undo }: NetworkStep,
  standing: ReadonlyMap<string, bigint>,
  places: NetworkPlaces,
): Reading<NetworkUndo | null> {
  if (operation.op === 'namespace') {
    const made = newNamespace();
    if (!made.ok) return made;
    const inode = fstatSync(made.value, { bigint: true }).ino;
    places.add(operation.at, made.value, inode);
    const number = askNamespace(places.door(operation.at), ['NS_GET_ID']);
    return value({ op: 'network name', path: operation.at, inode, id: number.ok ? number.value : null });
  }
  for (const at of [operation.at, otherPlace(operation)]) {
    const opened = at === null || places.has(at) ? value(null) : places.open(at, standing.get(at));
    if (!opened.ok) return opened;
  }
  if (undo === null || !('network' in undo)) return value(undo);
  const network = undo.door === null ? ownNetwork() : places.inode(undo.door);
  return value(undo.op === 'network move' ? { ...undo, network, home: ownNetwork() } : { ...undo, network });
}

function otherPlace(operation: NetworkOperation): NetworkPlace {
  if ('to' in operation) return operation.to;
  return operation.op === 'veth' ? operation.peer.at : null;
}

function newNamespace(): Reading<number> {
  return inNewNetwork((): Reading<number> => {
    const answer = askNetlink({ ...encodeLinkUp(LOOPBACK), namespace: OWN });
    return answer.ok ? value(openSync(OWN, 'r')) : answer;
  });
}

function carryOutOne(
  { operation }: NetworkStep,
  places: NetworkPlaces,
  others: readonly JournalEntry[],
): Reading<unknown> {
  if (operation.op !== 'namespace') return applyNetwork(operation, places, others);
  const { at: path } = operation;
  const named = nameNetwork({ path, of: { door: places.door(path), inode: places.inode(path) } });
  return named.type === 'named' ? value(named) : gap(named.gap);
}

/** What stood before goes on standing. */
function takeBack(
  begun: JournalEntry,
  made: readonly NetworkUndo[],
  standing: JournalEntry | null,
  journal: Journal,
): readonly NetworkUndo[] {
  const backwards = made.toReversed();
  const outcomes = undoNetworks(backwards, { dryRun: false, others: othersThan(begun, journal) });
  const left = backwards.filter((_, at) => outcomes[at]?.state === 'left');
  const open = backwards.filter((undo, at) => {
    const outcome = outcomes[at];
    return left.length > 0 && outcome !== undefined && isOpen(undo, outcome);
  });
  const undo: readonly Undo[] = [...begun.undo, ...open.toReversed()];
  // With what was told of it a second time, for what outlives the system.
  if (undo.length === 0 && standing === null) journal.remove({ ...begun, undo: made });
  else journal.update({ ...begun, undo });
  return left;
}

// Builds a network again from a plan. All of it is made in namespaces that only we hold, so that they go with us if we are
// killed; the last steps give them their names and write files, and of those the journal has the undo before.

import {
  chmodSync,
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { NETLINK_ROUTE } from '../../kernel/abi/netlink.ts';
import { gap, value, type Gap, type Reading } from '../../kernel/host.ts';
import type { JournalEntry, NetworkUndo } from '../../kernel/journal.ts';
import { isOpen } from '../../kernel/network-plan.ts';
import type { Refusal, Replayed, Replaying, ReplayRequest, ReplayStep, StandIn } from '../../kernel/replay-plan.ts';
import { inNamespace, inNewNetwork } from './in-namespace.ts';
import type { Journal } from './journal.ts';
import { nameNetwork } from './name-network.ts';
import { NetworkPlaces } from './network-places.ts';
import { askNamespace, gapOfThrown } from './nsfs.ts';
import { sendNftables } from './send-nftables.ts';
import { undoNetwork } from './undo-network.ts';

const OWN = '/proc/thread-self/ns/net';
const SETTINGS = '/proc/sys/net';
const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;
/** Of one table of nftables, which is refused as a whole. */
const MOST_TOLD = 3;

type StepOf<Op extends ReplayStep['op']> = Extract<ReplayStep, { op: Op }>;

/** Thrown where it cannot go on. */
class Failed extends Error {
  readonly what: string;
  readonly gap: Gap;

  constructor(what: string, why: Gap) {
    super(what);
    this.what = what;
    this.gap = why;
  }
}

/** Errors: DENIED, of the journal. */
export function replayNetwork({ id, what, steps }: Replaying, journal: Journal): Replayed {
  const begun = journal.add(what, [], id);
  const places = new NetworkPlaces();
  const done: NetworkUndo[] = [];
  const refused: Refusal[] = [];
  const standIns: StandIn[] = [];
  try {
    for (const step of steps) if (step.op === 'namespace') hold(step.path, places);
    for (const step of steps) build(step, places, refused, standIns);
    const last = lasting(steps, places);
    journal.update({ ...begun, undo: last.map(({ undo }) => undo) });
    for (const { undo, path, act } of last) {
      done.push(undo);
      attempt(path, act);
    }
    journal.update({ ...begun, kept: true, undo: done });
    return { ok: true, refused, standIns };
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    return { ok: false, what: error.what, gap: error.gap, left: takeBack(begun, done, journal) };
  } finally {
    places.close();
  }
}

function attempt(what: string, act: () => Reading<unknown>): void {
  let answer: Reading<unknown>;
  try {
    answer = act();
  } catch (error) {
    answer = gapOfThrown(what, error);
  }
  if (!answer.ok) throw new Failed(what, answer.gap);
}

function hold(path: string, places: NetworkPlaces): void {
  attempt('a network namespace', () => {
    const fd = inNewNetwork(() => openSync(OWN, 'r'));
    places.add(path, fd, fstatSync(fd, { bigint: true }).ino);
    return value(null);
  });
}

function build(step: ReplayStep, places: NetworkPlaces, refused: Refusal[], standIns: StandIn[]): void {
  const refuse = (at: string, what: string, why: Gap): void => void refused.push({ at, what, gap: why });
  switch (step.op) {
    case 'settings':
      writeSettings(step, places, refuse);
      return;
    case 'requests':
      ask(step, places, refuse, standIns);
      return;
    case 'nftables': {
      const { at, what, messages } = step;
      const sent = sendNftables(
        messages.map(({ message }) => message),
        places.door(at),
      );
      const refusals = sent.ok ? [] : sent.refused;
      for (const { index, gap: why } of refusals.slice(0, MOST_TOLD)) {
        const part = index === null ? undefined : messages[index]?.what;
        refuse(at, part === undefined ? what : `${what}, for its ${part}`, why);
      }
      return;
    }
    case 'namespace':
    case 'folder':
    case 'file':
  }
}

type Refuse = (at: string, what: string, why: Gap) => void;

function writeSettings({ at, settings }: StepOf<'settings'>, places: NetworkPlaces, refuse: Refuse): void {
  inNamespace('net', places.fd(at), () => {
    for (const [key, text] of settings) {
      try {
        writeSetting(`${SETTINGS}/${key}`, text);
      } catch (error) {
        const why = gapOfThrown(key, error);
        if (!why.ok) refuse(at, `setting ${key.replaceAll('/', '.')} = ${text}`, why.gap);
      }
    }
  });
}

/** What says so already is left alone: some files act on whatever is written. */
function writeSetting(path: string, text: string): void {
  if (readFileSync(path, 'utf8').trimEnd() === text.trimEnd()) return;
  const fd = openSync(path, constants.O_WRONLY | constants.O_NOFOLLOW);
  try {
    writeSync(fd, `${text}\n`);
  } finally {
    closeSync(fd);
  }
}

function ask(
  { at, anyOrder, requests }: StepOf<'requests'>,
  places: NetworkPlaces,
  refuse: Refuse,
  standIns: StandIn[],
): void {
  let open = requests;
  for (;;) {
    const again: { readonly request: ReplayRequest; readonly why: Gap }[] = [];
    for (const request of open) {
      const answer = askOne(at, request, places);
      if (answer.ok || request.already?.includes(answer.gap.errno ?? '') === true) continue;
      if (isHadInstead(at, request, places))
        standIns.push({ at, what: request.what, why: answer.gap.text ?? answer.gap.errno ?? answer.gap.reason });
      else again.push({ request, why: answer.gap });
    }
    if (again.length === 0) return;
    if (!anyOrder || again.length === open.length) {
      for (const { request, why } of again) refuse(at, request.what, why);
      return;
    }
    open = again.map(({ request }) => request);
  }
}

function isHadInstead(at: string, { instead }: ReplayRequest, places: NetworkPlaces): boolean {
  return instead !== undefined && (askOne(at, instead, places).ok || isHadInstead(at, instead, places));
}

function askOne(at: string, { message, other }: ReplayRequest, places: NetworkPlaces): Reading<unknown> {
  const request = { protocol: NETLINK_ROUTE, message };
  if (other === undefined) return places.ask(at, request);
  return places.ask(at, { ...request, descriptor: { door: places.door(other.path), offset: other.offset } });
}

interface Lasting {
  readonly undo: NetworkUndo;
  readonly path: string;
  readonly act: () => Reading<unknown>;
}

/** What does not go with us: names and files. */
function lasting(steps: readonly ReplayStep[], places: NetworkPlaces): readonly Lasting[] {
  return steps.flatMap((step): readonly Lasting[] => {
    switch (step.op) {
      case 'namespace':
        return [nameStep(step.path, places)];
      case 'folder':
        return [{ undo: step, path: step.path, act: () => makeFolder(step.path) }];
      case 'file':
        return [{ undo: step, path: step.path, act: () => makeFile(step) }];
      case 'settings':
      case 'requests':
      case 'nftables':
        return [];
    }
  });
}

function nameStep(path: string, places: NetworkPlaces): Lasting {
  const door = places.door(path);
  const inode = places.inode(path);
  const id = askNamespace(door, ['NS_GET_ID']);
  return {
    path,
    undo: { op: 'network name', path, inode, id: id.ok ? id.value : null },
    act: () => {
      const named = nameNetwork({ path, of: { door, inode } });
      return named.type === 'named' ? value(null) : gap(named.gap);
    },
  };
}

/** One that is there already is another lab's, and from now on ours too. */
function makeFolder(path: string): Reading<unknown> {
  if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return value(null);
  mkdirSync(path, FOLDER_MODE);
  // Whatever the umask is: every user may see it, as ip-netns(8) has it.
  chmodSync(path, FOLDER_MODE);
  return value(null);
}

function makeFile({ path, text }: StepOf<'file'>): Reading<unknown> {
  writeFileSync(path, text, { flag: 'wx', mode: FILE_MODE });
  chmodSync(path, FILE_MODE);
  return value(null);
}

function takeBack(begun: JournalEntry, made: readonly NetworkUndo[], journal: Journal): readonly NetworkUndo[] {
  const others = journal.list().entries.filter(({ id }) => id !== begun.id);
  const undone = made.toReversed().map((undo) => ({ undo, outcome: undoNetwork(undo, { dryRun: false, others }) }));
  const left = undone.filter(({ outcome }) => outcome.state === 'left').map(({ undo }) => undo);
  const open = undone.filter(({ undo, outcome }) => left.length > 0 && isOpen(undo, outcome)).map(({ undo }) => undo);
  if (open.length === 0) journal.remove(begun);
  else journal.update({ ...begun, undo: open.toReversed() });
  return left;
}

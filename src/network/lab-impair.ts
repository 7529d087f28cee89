// The steps that make links worse than they are. What is set goes with the link, so it has no undo.

import { errorOfGap } from '../kernel/error.ts';
import type { Host, Reading } from '../kernel/host.ts';
import { decodeRootQueues, encodeQueueDump, isNetem, type Netem, type RootQueue } from '../kernel/netlink/netem.ts';
import type { Sight } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';
import { endsIn, type Lab } from './lab.ts';

/**
 * Of one namespace. `previous`: the lab as it was made last, undefined where that is not known. Errors: as of the question,
 * which is asked only where some link is, or was, impaired.
 */
export function impairSteps(host: Host, lab: Lab, previous: Lab | undefined, sight: Sight): readonly PlannedStep[] {
  const ends = endsIn(lab, sight.node.name).map(({ end }) => end);
  const past = (previous === undefined ? [] : endsIn(previous, sight.node.name)).filter(
    ({ end: { impair } }) => impair !== undefined,
  );
  const better = ends.filter(
    ({ link, impair }) => impair === undefined && past.some(({ end }) => end.link === link) && sight.links.has(link),
  );
  const worse = ends.flatMap(({ link, impair }) => (impair === undefined ? [] : [{ link, impair }]));
  if (better.length + worse.length === 0) return [];
  const queues = queuesOf(host, sight);
  const isNetemStill = (link: string): boolean => (queues.get(link)?.netem ?? null) !== null;
  return [
    ...better.filter(({ link }) => isNetemStill(link)).map(({ link }) => betterStep(link, sight)),
    ...worse.map(({ link, impair }) => worseStep(link, impair, queues.get(link), sight)),
  ];
}

/** By the names of the links. */
function queuesOf(host: Host, { at, inode, links }: Sight): ReadonlyMap<string, RootQueue> {
  if (inode === null) return new Map();
  const answer = host.netlink(encodeQueueDump(at ?? undefined));
  const found: Reading<readonly RootQueue[]> = answer.ok ? decodeRootQueues(answer.value, WHAT) : answer;
  // A kernel without traffic control: what is set there later fails.
  if (!found.ok && found.gap.errno === 'EOPNOTSUPP') return new Map();
  if (!found.ok) throw errorOfGap(found.gap, 'cannot see what the network is');
  const names = new Map(Array.from(links.values(), ({ ifindex, name }) => [ifindex, name]));
  return new Map(found.value.map((queue) => [names.get(queue.ifindex) ?? '', queue]));
}

const WHAT = 'queueing disciplines';

function worseStep(link: string, impair: Netem, found: RootQueue | undefined, sight: Sight): PlannedStep {
  const what = `${link} impaired${where(sight)}: ${impairText(impair)}`;
  const reason = 'what is sent by it, as it was asked for';
  return step({ op: 'impair', at: sight.at, link, impair }, what, reason, {
    isRight: found !== undefined && isNetem(found, impair),
  });
}

function betterStep(link: string, sight: Sight): PlannedStep {
  const operation = { op: 'impair', at: sight.at, link, impair: null } as const;
  return step(operation, `${link} no longer impaired${where(sight)}`, 'the lab has it no more', { isRight: false });
}

function where({ node }: Sight): string {
  return node.kind === 'host' ? '' : ` in ${node.name}`;
}

/** As a lab file says it. */
function impairText({ delay, jitter, loss, duplicate, reorder, rate }: Netem): string {
  const words = [
    [delay, `delay ${delay / 1e6}ms`],
    [jitter, `jitter ${jitter / 1e6}ms`],
    [loss, `loss ${loss}%`],
    [duplicate, `duplicate ${duplicate}%`],
    [reorder, `reorder ${reorder}%`],
    [rate, `rate ${rate / 1e6}mbit`],
  ] as const;
  return words.flatMap(([amount, text]) => (amount === 0 ? [] : [text])).join(', ');
}

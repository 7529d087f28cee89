// The steps that make a lab's links: bridges first, then what is plugged into them.

import { NsError } from '../kernel/error.ts';
import type { JournalEntry, MadeLinkKind, NetworkUndo } from '../kernel/journal.ts';
import type { DetailedLink } from '../kernel/netlink/link-details.ts';
import type { LabQuestion } from './lab-question.ts';
import type { Sight, Sights } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';
import { bridgeOf, HOST, nearAndFar, placeOf, type BridgeNode, type Lab, type LabEnd, type LabLink } from './lab.ts';

const IFF_UP = 1;

/** Errors: BAD_VALUE, for what is somebody else's; NO_FILE. */
export function linkSteps(question: LabQuestion, sights: Sights): readonly PlannedStep[] {
  const { lab } = question;
  const bridges = lab.nodes.filter((node) => node.kind === 'bridge');
  return [
    ...bridges.flatMap((bridge) => bridgeSteps(question, bridge, sightOf(lab, sights, bridge.in))),
    ...lab.links.flatMap((link) => stepsOf(question, link, sights)),
  ];
}

function stepsOf(question: LabQuestion, link: LabLink, sights: Sights): readonly PlannedStep[] {
  switch (link.kind) {
    case 'veth':
      return vethSteps(question, link, sights);
    case 'macvlan':
    case 'vxlan':
    case 'tun':
    case 'tap':
      return singleSteps(question, link, sights);
    case 'physical':
      return moveSteps(question, link, sights);
  }
}

function sightOf(lab: Lab, sights: Sights, node: string): Sight {
  const place = placeOf(lab, node);
  const sight = sights.get(place.name);
  if (sight === undefined) throw new NsError('BAD_VALUE', { what: `there is no node '${node}'` });
  return sight;
}

/** What is made in a namespace that we make goes with it, and is nobody else's. */
function isOurs({ node }: Sight): boolean {
  return node.kind === 'namespace';
}

function isMadeBy(standing: JournalEntry | null, link: DetailedLink): boolean {
  const made = standing?.undo.filter((each) => each.op === 'network link') ?? [];
  // A tun has no link address.
  const isIt = (name: string, mac: string): boolean =>
    link.kind === 'tun' ? link.name === name : link.address === mac;
  return made.some((each) => each.kind === link.kind && isIt(each.name, each.mac));
}

function undoOf({ at }: Sight, name: string, kind: MadeLinkKind, mac: string): NetworkUndo {
  return { op: 'network link', name, kind, mac, network: 0n, door: at };
}

function whereText({ node }: Sight): string {
  return node.kind === 'host' ? '' : ` in ${node.name}`;
}

function aliasSteps(lab: Lab, sight: Sight, name: string): readonly PlannedStep[] {
  if (isOurs(sight)) return [];
  const alias = `nstool:lab=${lab.name}`;
  const what = `alias ${alias} on ${name}${whereText(sight)}`;
  return [
    step({ op: 'alias', at: sight.at, link: name, alias }, what, 'so that everybody sees whose it is', {
      isRight: sight.links.get(name)?.alias === alias,
    }),
  ];
}

/** Errors: BAD_VALUE, NO_FILE. */
function bridgeSteps(question: LabQuestion, bridge: BridgeNode, sight: Sight): readonly PlannedStep[] {
  const { lab, standing, newMac } = question;
  const { name, mtu, stp } = bridge;
  const found = sight.links.get(name);
  if (found !== undefined || bridge.isForeign) requireBridge(bridge, sight, found, standing);
  if (bridge.isForeign) return [];
  const mac = newMac();
  const reason = 'what pairs are plugged into; its own link address, or it would follow its ports';
  const made = step({ op: 'bridge', at: sight.at, name, mac, mtu, stp }, `bridge ${name}${whereText(sight)}`, reason, {
    isRight: found !== undefined,
    undo: isOurs(sight) ? null : undoOf(sight, name, 'bridge', mac),
  });
  const mended = step(
    { op: 'stp', at: sight.at, link: name, stp },
    `spanning tree of ${name} ${stp ? 'on' : 'off'}`,
    'it was changed',
    {
      isRight: false,
    },
  );
  const isOther = found !== undefined && sight.trees.has(name) !== stp;
  return [made, ...(isOther ? [mended] : []), ...aliasSteps(lab, sight, name)];
}

function requireBridge(
  { name, isForeign }: BridgeNode,
  sight: Sight,
  link: DetailedLink | undefined,
  standing: JournalEntry | null,
): void {
  if (link === undefined)
    throw new NsError('NO_FILE', { what: `there is no bridge ${name}`, why: '--use-bridge takes one that is there' });
  if (link.kind !== 'bridge')
    throw new NsError('BAD_VALUE', { what: `${name} is no bridge`, why: `it is ${link.kind ?? 'hardware'}` });
  if (isForeign || isOurs(sight) || isMadeBy(standing, link)) return;
  throw new NsError('BAD_VALUE', {
    what: `the bridge ${name} is somebody else's`,
    why: link.alias === null ? 'it is not of this nstool net up' : `its alias is '${link.alias}'`,
    tryThis: `--use-bridge, to have a port of it; or another name: --bridge`,
  });
}

/** undefined: it has to be made. Errors: BAD_VALUE. */
function foundOurs(
  sight: Sight,
  name: string,
  kind: MadeLinkKind,
  standing: JournalEntry | null,
): DetailedLink | undefined {
  const found = sight.links.get(name);
  if (found === undefined || (found.kind === kind && (isOurs(sight) || isMadeBy(standing, found)))) return found;
  throw new NsError('BAD_VALUE', {
    what: `there is a link ${name}${whereText(sight)} already`,
    why: 'it is not of this nstool net up',
    tryThis: 'another NAME',
  });
}

function vethSteps(
  question: LabQuestion,
  { ends, mtu }: Extract<LabLink, { kind: 'veth' }>,
  sights: Sights,
): readonly PlannedStep[] {
  const { lab, standing, newMac } = question;
  const placed = nearAndFar(lab, ends).map((end) => ({ end, sight: sightOf(lab, sights, end.node) }));
  const [near, far] = placed;
  if (near === undefined || far === undefined) return [];
  // Of the far end only what its namespace tells: it is known by the near one.
  const foundNear = foundOurs(near.sight, near.end.link, 'veth', standing);
  const foundFar = far.sight.links.get(far.end.link);
  const isRight = foundNear !== undefined && foundFar?.kind === 'veth';
  const [mac, farMac] = [near.end.mac ?? newMac(), far.end.mac ?? newMac()];
  const name = near.end.link;
  const operation = {
    op: 'veth',
    at: near.sight.at,
    name,
    mac,
    mtu,
    bridge: bridgeOf(lab, near.end)?.name ?? null,
    peer: { at: far.sight.at, name: far.end.link, mac: farMac },
  } as const;
  const what = `pair ${name}${whereText(near.sight)} and ${far.end.link}${whereText(far.sight)}`;
  const made = step(operation, what, pairReason(lab, near.end, far.end), {
    isRight,
    undo: isOurs(near.sight) ? null : undoOf(near.sight, name, 'veth', mac),
  });
  return [made, ...placed.flatMap(({ end, sight }) => aliasSteps(lab, sight, end.link))];
}

type SingleLink = Extract<LabLink, { kind: 'macvlan' | 'vxlan' | 'tun' | 'tap' }>;

function singleSteps(question: LabQuestion, link: SingleLink, sights: Sights): readonly PlannedStep[] {
  const { lab, standing, newMac } = question;
  const sight = sightOf(lab, sights, link.end.node);
  const name = link.end.link;
  const found = foundOurs(sight, name, link.kind, standing);
  const mac = link.end.mac ?? newMac();
  const { what, reason, operation } = singleOperation(lab, link, sight, mac, sights);
  const made = step(operation, `${what}${whereText(sight)}`, reason, {
    isRight: found !== undefined,
    undo: isOurs(sight) ? null : undoOf(sight, name, link.kind, mac),
  });
  return [made, ...aliasSteps(lab, sight, name)];
}

function singleOperation(
  lab: Lab,
  link: SingleLink,
  sight: Sight,
  mac: string,
  sights: Sights,
): Pick<PlannedStep, 'operation' | 'what' | 'reason'> {
  const { mtu } = link;
  const made = { name: link.end.link, mac, mtu, to: sight.at };
  if (link.kind === 'macvlan') {
    const { at } = sightOf(lab, sights, link.parent.node);
    const operation = { op: 'macvlan', at, ...made, link: link.parent.link, mode: link.mode } as const;
    const on = link.parent.node === link.end.node ? link.parent.link : `${link.parent.link} of ${link.parent.node}`;
    return { operation, what: `macvlan ${made.name}`, reason: `a link address more on ${on}` };
  }
  if (link.kind === 'vxlan') {
    const { at } = sightOf(lab, sights, link.under.node);
    const { id, local, remote, port } = link;
    const operation = { op: 'vxlan', at, ...made, link: link.under.link, id, local, remote, port } as const;
    return { operation, what: `vxlan ${made.name}, number ${id}`, reason: `frames in packets of ${link.under.node}` };
  }
  const operation = { op: 'tun', at: sight.at, name: made.name, mac, mtu, mode: link.kind } as const;
  return { operation, what: `${link.kind} ${made.name}`, reason: 'for a program that opens it' };
}

/** Errors: BAD_VALUE, where the host needs it. */
function moveSteps(
  { lab, standing }: LabQuestion,
  { end, from }: Extract<LabLink, { kind: 'physical' }>,
  sights: Sights,
): readonly PlannedStep[] {
  const sight = sightOf(lab, sights, end.node);
  const own = sights.get(HOST);
  const taken = standing?.undo.find((each) => each.op === 'network move' && each.name === from);
  const there = sight.links.get(end.link);
  if (taken?.op === 'network move' && there?.address === taken.mac)
    return [
      step({ op: 'move', at: null, link: from, to: sight.at, name: end.link }, moveText(from, end, sight), TAKEN, {
        isRight: true,
      }),
    ];
  const link = own?.links.get(from);
  const mac = link?.address ?? null;
  if (own === undefined || link === undefined || mac === null)
    throw new NsError('NO_FILE', {
      what: `there is no link ${from} to be moved`,
      why: 'none of our own network has that name',
    });
  const why = neededFor(link, own);
  if (why !== undefined) throw new NsError('BAD_VALUE', { what: `${from} cannot be taken from the host`, why });
  if (there !== undefined && there !== link)
    throw new NsError('BAD_VALUE', {
      what: `there is a link ${end.link}${whereText(sight)} already`,
      why: `${from} is to be called so`,
    });
  const isUp = (link.flags & IFF_UP) !== 0;
  const undo = {
    op: 'network move',
    name: from,
    mac,
    mtu: link.mtu,
    isUp,
    network: 0n,
    home: 0n,
    door: sight.at,
  } as const;
  const operation = { op: 'move', at: null, link: from, to: sight.at, name: end.link } as const;
  return [step(operation, moveText(from, end, sight), TAKEN, { isRight: false, undo })];
}

const TAKEN = 'it is given back in the end';

function moveText(from: string, { link }: LabEnd, sight: Sight): string {
  return `${from} moved${sight.at === null ? '' : ` to ${sight.node.name}`}${link === from ? '' : `, called ${link}`}`;
}

/** undefined: the host can do without it. What has addresses or a master would not come back as it was. */
function neededFor(link: DetailedLink, { addresses, links }: Sight): string | undefined {
  if (link.name === 'lo' || link.kind === 'bridge') return 'such links stay where they are';
  const own = addresses.find((each) => each.ifindex === link.ifindex && each.scope === 'global');
  if (own !== undefined) return `it has the address ${own.address}, which the host would lose`;
  const master = [...links.values()].find(({ ifindex }) => ifindex === link.master);
  if (master !== undefined) return `it is a port of ${master.name}`;
  const upper = [...links.values()].find(
    (each) => each.link === link.ifindex && each.linkNetnsid === null && each.kind !== 'veth',
  );
  return upper === undefined ? undefined : `${upper.name} is on it`;
}

function pairReason(lab: Lab, near: LabEnd, far: LabEnd): string {
  const bridge = bridgeOf(lab, near);
  return bridge === undefined ? `between ${near.node} and ${far.node}` : `${near.link} is a port of ${bridge.name}`;
}

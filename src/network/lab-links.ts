// The steps that make a lab's links: bridges first, then what is plugged into them.

import { NsError } from '../kernel/error.ts';
import type { JournalEntry, MadeLinkKind, NetworkUndo } from '../kernel/journal.ts';
import type { DetailedLink } from '../kernel/netlink/link-details.ts';
import type { LabQuestion } from './lab-plan.ts';
import type { Sight, Sights } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';
import { bridgeOf, placeOf, type BridgeNode, type Lab, type LabEnd, type LabLink } from './lab.ts';

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
    default:
      throw new NsError('UNSUPPORTED', { what: `links of kind ${link.kind} are not made yet` });
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
  return standing?.undo.some((each) => each.op === 'network link' && each.mac === link.address) === true;
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
  return [made, ...aliasSteps(lab, sight, name)];
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

/** The end in somebody else's namespace is the first: there it is found again, and taken away. */
function vethSteps(
  question: LabQuestion,
  { ends, mtu }: Extract<LabLink, { kind: 'veth' }>,
  sights: Sights,
): readonly PlannedStep[] {
  const { lab, standing, newMac } = question;
  const rank = ({ node }: Sight): number => ['host', 'attached', 'namespace'].indexOf(node.kind);
  const placed = ends.map((end) => ({ end, sight: sightOf(lab, sights, end.node) }));
  const [near, far] = placed.toSorted((a, b) => rank(a.sight) - rank(b.sight));
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

function pairReason(lab: Lab, near: LabEnd, far: LabEnd): string {
  const bridge = bridgeOf(lab, near);
  return bridge === undefined ? `between ${near.node} and ${far.node}` : `${near.link} is a port of ${bridge.name}`;
}

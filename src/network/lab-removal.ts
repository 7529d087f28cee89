// The steps that take away what a lab had and has no more, and pairs of which one end is missing; and what the machine has
// after them.

import { NsError } from '../kernel/error.ts';
import type { NetworkUndo } from '../kernel/journal.ts';
import { undoText } from '../kernel/network-plan.ts';
import { isSameRoute, type RouteUndo } from '../kernel/setting-undo.ts';
import { ipNetText, type IpNet } from './ip-net.ts';
import { hasRoute } from './lab-settings.ts';
import type { Sight, Sights } from './lab-sight.ts';
import { step, type PlannedStep } from './lab-step.ts';
import { filesOf, FOLDER } from './lab-files.ts';
import { settingKeys, translatingPlaces } from './lab-translation.ts';
import {
  bridgeOf,
  bridgesIn,
  commandText,
  endsIn,
  endsOf,
  placeOf,
  type Lab,
  type LabLink,
  type PlaceNode,
} from './lab.ts';

export interface Removal {
  readonly steps: readonly PlannedStep[];
  readonly sights: Sights;
}

/**
 * `previous`: the lab as it was made last. undefined: that is not known, so all there is may be wanted. Errors: BAD_VALUE,
 * where a bridge that is to go has ports of others.
 */
export function removalOf(previous: Lab | undefined, lab: Lab, sights: Sights, undo: readonly NetworkUndo[]): Removal {
  const isWanted = previous === undefined ? () => true : wantedOf(previous, lab);
  const past = undo.filter((each) => !isWanted(each)).toReversed();
  const links = [...halfPairs(lab, sights, undo), ...(previous === undefined ? [] : pastLinks(previous, lab, sights))];
  const gone = [...links, ...past.flatMap((each) => linkOf(each, sights))];
  requireNoPorts(gone);
  const left = without(sights, gone);
  const after = previous === undefined ? left : withoutRoutes(left, previous, lab);
  return {
    steps: [
      ...links.map(({ sight, name }) => removeStep(sight, name)),
      ...past.map((each) => undoStep(each)),
      ...(previous === undefined
        ? []
        : Array.from(left.values()).flatMap((sight) => pastSettings(previous, lab, sight))),
    ],
    sights: after,
  };
}

/** A bridge that is to go may have ports of others by now. Errors: BAD_VALUE. */
function requireNoPorts(gone: readonly PlacedName[]): void {
  for (const { sight, name } of gone) {
    const bridge = sight.links.get(name);
    const port = [...sight.links.values()].find(
      (link) =>
        bridge !== undefined &&
        link.master === bridge.ifindex &&
        !gone.some((each) => each.sight === sight && each.name === link.name),
    );
    if (port === undefined) continue;
    throw new NsError('BAD_VALUE', {
      what: `the bridge ${name} cannot be removed, which the lab has no more`,
      why: `it has ports of others: ${port.name}`,
      tryThis: `ip link set ${port.name} nomaster; or keep the bridge`,
    });
  }
}

interface PlacedName {
  readonly sight: Sight;
  readonly name: string;
}

const NO_MORE = 'the lab has it no more';

function undoStep(undo: NetworkUndo): PlannedStep {
  const what =
    undo.op === 'sysctl' ? `${undo.key} = ${undo.previous}, unless others need it` : `${undoText(undo)} removed`;
  return step({ op: 'undo', at: null, undo }, what, NO_MORE, { isRight: false });
}

function removeStep({ at, node }: Sight, name: string): PlannedStep {
  const what = `${name}${node.kind === 'host' ? '' : ` in ${node.name}`} removed`;
  return step({ op: 'remove link', at, link: name }, what, 'it is not as it should be', { isRight: false });
}

/** What a link is, but for what can be changed while it stands. By its place and name. */
function shapesOf(lab: Lab, other: Lab): ReadonlyMap<string, string> {
  const shapes = new Map<string, string>();
  for (const node of lab.nodes) {
    if (node.kind === 'bridge' && !node.isForeign) shapes.set(keyOf(placeOf(lab, node.name), node.name), 'bridge');
  }
  for (const link of lab.links) {
    const shape = JSON.stringify(shapeOf(lab, other, link));
    for (const end of endsOf(link)) shapes.set(keyOf(placeOf(lab, end.node), end.link), shape);
  }
  return shapes;
}

/** A pair moves from one bridge to another while it stands, unless the one goes: a bridge with ports is not removed. */
function shapeOf(lab: Lab, other: Lab, link: LabLink): unknown {
  const bridges = new Set(other.nodes.flatMap((node) => (node.kind === 'bridge' ? [node.name] : [])));
  const ends = endsOf(link).map((end) => {
    const bridge = bridgeOf(lab, end);
    const isPort = bridge !== undefined;
    return [
      keyOf(placeOf(lab, end.node), end.link),
      isPort && !bridges.has(bridge.name) && !bridge.isForeign ? bridge.name : isPort,
      end.mac,
    ];
  });
  const { kind } = link;
  if (kind === 'macvlan') return [kind, ends, link.parent, link.mode];
  if (kind === 'vxlan') return [kind, ends, link.under, link.id, link.local, link.remote, link.port];
  return kind === 'physical' ? [kind, ends, link.from] : [kind, ends];
}

function keyOf(place: PlaceNode, name: string): string {
  return `${place.kind === 'host' ? '' : place.path} ${name}`;
}

/** Is what it undoes still a part of the lab, as it was? */
function wantedOf(previous: Lab, lab: Lab): (undo: NetworkUndo) => boolean {
  const [old, wanted] = [shapesOf(previous, lab), shapesOf(lab, previous)];
  const nodes = lab.nodes.filter((node) => node.kind === 'namespace');
  const names = new Set(nodes.map(({ path }) => path));
  const commands = new Set(nodes.flatMap(({ name, start }) => start.map((words) => commandText(name, words))));
  const files = new Set(nodes.flatMap((node) => filesOf(lab.name, node)).map(({ path }) => path));
  const folders = new Set(Array.from(files).flatMap((path) => [path.slice(0, path.lastIndexOf('/')), FOLDER]));
  const moved = new Map(
    previous.links.flatMap((link) => (link.kind === 'physical' ? [[link.from, link.end.link] as const] : [])),
  );
  const [oldSettings, settings] = [settingKeys(previous), settingKeys(lab)];
  const routes = lab.nodes.flatMap((node): readonly RouteUndo[] => {
    if (node.kind === 'bridge') return [];
    const door = node.kind === 'host' ? null : node.path;
    return node.routes.map((route) => ({ op: 'route', ...route, network: 0n, door }));
  });
  const translating = new Set(translatingPlaces(lab).map((place) => (place.kind === 'host' ? '' : place.path)));
  return (undo) => {
    switch (undo.op) {
      case 'network link':
      case 'network move': {
        const key = `${undo.door ?? ''} ${undo.op === 'network move' ? (moved.get(undo.name) ?? '') : undo.name}`;
        return wanted.has(key) && wanted.get(key) === old.get(key);
      }
      case 'process':
        return commands.has(undo.what);
      case 'network name':
        return names.has(undo.path);
      case 'file':
        return files.has(undo.path);
      case 'folder':
        return folders.has(undo.path);
      case 'sysctl': {
        const key = `${undo.door ?? ''} ${undo.key}`;
        return settings.has(key) || !oldSettings.has(key);
      }
      case 'route':
        return routes.some((each) => isSameRoute(each, undo));
      case 'nft table':
        return translating.has(undo.door ?? '');
      case 'nft rules':
        // They are replaced where they stand.
        return true;
    }
  };
}

function linkOf(undo: NetworkUndo, sights: Sights): readonly PlacedName[] {
  if (undo.op !== 'network link') return [];
  const sight = [...sights.values()].find(({ at }) => at === undo.door);
  return sight === undefined ? [] : [{ sight, name: undo.name }];
}

/** Links in namespaces that we made: no journal has those. */
function pastLinks(previous: Lab, lab: Lab, sights: Sights): readonly PlacedName[] {
  const [old, wanted] = [shapesOf(previous, lab), shapesOf(lab, previous)];
  const ours = [...sights.values()].filter(({ node }) => node.kind === 'namespace');
  return ours.flatMap((sight) =>
    [...sight.links.keys()]
      .filter((name) => {
        const key = keyOf(sight.node, name);
        return old.has(key) && old.get(key) !== wanted.get(key);
      })
      .map((name) => ({ sight, name })),
  );
}

/** One end is there and the other is not, or is called otherwise: both have to be made anew. */
function halfPairs(lab: Lab, sights: Sights, undo: readonly NetworkUndo[]): readonly PlacedName[] {
  return lab.links.flatMap((link) => {
    if (link.kind !== 'veth') return [];
    const found = link.ends.flatMap((end): readonly PlacedName[] => {
      const sight = sights.get(placeOf(lab, end.node).name);
      return sight?.links.get(end.link)?.kind === 'veth' ? [{ sight, name: end.link }] : [];
    });
    const [half] = found;
    return found.length === 1 && half !== undefined && isOurs(half, undo) ? [half] : [];
  });
}

function isOurs({ sight, name }: PlacedName, undo: readonly NetworkUndo[]): boolean {
  const mac = sight.links.get(name)?.address;
  return sight.node.kind === 'namespace' || undo.some((each) => each.op === 'network link' && each.mac === mac);
}

/** With those links also the routes by them, and by the other ends of pairs, wherever they are. */
function without(sights: Sights, gone: readonly PlacedName[]): Sights {
  if (gone.length === 0) return sights;
  const peers = new Set(gone.map(({ sight, name }) => sight.links.get(name)?.link ?? 0));
  return new Map(
    Array.from(sights, ([key, sight]) => {
      const names = new Set(gone.filter((each) => each.sight === sight).map(({ name }) => name));
      // Who counts in which namespace is not looked at: to set a route of ours again does no harm.
      const far = sight.node.kind === 'namespace' ? peers : [];
      const indexes = new Set([...far, ...Array.from(names, (name) => sight.links.get(name)?.ifindex ?? 0)]);
      const links = new Map([...sight.links].filter(([name]) => !names.has(name)));
      const routes = sight.routes.filter(({ nextHops }) => !nextHops.some(({ ifindex }) => indexes.has(ifindex ?? 0)));
      return [key, { ...sight, links, routes }];
    }),
  );
}

/** An address that goes takes routes by its link with it, of which nobody says which: they are set again. */
function withoutRoutes(sights: Sights, previous: Lab, lab: Lab): Sights {
  return new Map(
    Array.from(sights, ([key, sight]) => {
      const touched = pastNets(previous, lab, sight).map(({ link }) => sight.links.get(link)?.ifindex);
      const isTouched = (ifindex: number | null): boolean => touched.includes(ifindex ?? 0);
      const routes = sight.routes.filter(({ nextHops }) => !nextHops.some(({ ifindex }) => isTouched(ifindex)));
      return [key, touched.length === 0 ? sight : { ...sight, routes }];
    }),
  );
}

interface PlacedNet {
  readonly link: string;
  readonly net: IpNet;
}

function netsOf(lab: Lab, place: string): readonly PlacedNet[] {
  return [
    ...bridgesIn(lab, place).flatMap(({ name, addresses }) => addresses.map((net) => ({ link: name, net }))),
    ...endsIn(lab, place).flatMap(({ end }) => end.addresses.map((net) => ({ link: end.link, net }))),
  ];
}

/** Addresses that are there, and wanted no more. */
function pastNets(previous: Lab, lab: Lab, { node, links, addresses }: Sight): readonly PlacedNet[] {
  const wanted = new Set(netsOf(lab, node.name).map(({ link, net }) => `${link} ${ipNetText(net)}`));
  if (previous.nodes.every((each) => each.name !== node.name)) return [];
  return netsOf(previous, node.name).filter(({ link, net }) => {
    const ifindex = links.get(link)?.ifindex;
    const isThere = addresses.some(
      (each) => each.ifindex === ifindex && each.address === net.address && each.prefixLength === net.prefixLength,
    );
    return isThere && !wanted.has(`${link} ${ipNetText(net)}`);
  });
}

function pastSettings(previous: Lab, lab: Lab, sight: Sight): readonly PlannedStep[] {
  const { at, node } = sight;
  const old = previous.nodes.find((each) => each.name === node.name);
  if (old === undefined || old.kind === 'bridge') return [];
  const past = pastNets(previous, lab, sight);
  // Of others the journal has what was made.
  const made = node.kind === 'namespace' ? old.routes : [];
  const routes = made.filter(
    (route) => !node.routes.some((each) => JSON.stringify(each) === JSON.stringify(route)) && hasRoute(route, sight),
  );
  return [
    ...routes.map((route) =>
      step({ op: 'remove route', at, ...route }, `route to ${route.destination} in ${node.name} removed`, NO_MORE, {
        isRight: false,
      }),
    ),
    ...past.map(({ link, net }) =>
      step({ op: 'remove address', at, link, ...net }, `address ${ipNetText(net)} on ${link} removed`, NO_MORE, {
        isRight: false,
      }),
    ),
  ];
}

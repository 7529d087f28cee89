// From a lab to the steps that make it, each with its reason and its undo. What stands already, and is right, needs none.

import { errorOfGap, NsError } from '../kernel/error.ts';
import { valueOf, type Host, type Reading } from '../kernel/host.ts';
import type { JournalEntry, NetworkUndo } from '../kernel/journal.ts';
import { decodeAddresses, encodeAddressDump, type InterfaceAddress } from '../kernel/netlink/addresses.ts';
import { decodeLinks, encodeLinkDump, type Link } from '../kernel/netlink/links.ts';
import { decodeRoutes, encodeRouteDump, type Route } from '../kernel/netlink/routes.ts';
import type { NetworkOperation, NetworkStep } from '../kernel/network-plan.ts';
import { decodeText } from '../kernel/text/text.ts';
import { requireFree } from './lab-overlap.ts';
import { INNER_LINK, type Lab } from './lab.ts';

/** What the machine has of it. */
export interface LabSight {
  readonly links: readonly Link[];
  readonly addresses: readonly InterfaceAddress[];
  readonly routes: readonly Route[];
}

export interface LabQuestion {
  readonly lab: Lab;
  /** What stands of it. null: nothing. */
  readonly standing: JournalEntry | null;
  /** Directories that other labs made: who leaves last removes them. */
  readonly shared: ReadonlySet<string>;
  /** New link addresses: of the bridge, of our end, of the end inside. */
  readonly macs: readonly [string, string, string];
}

export interface PlannedStep extends NetworkStep {
  /** It is so already. */
  readonly isRight: boolean;
}

const IFF_UP = 1;
const MAIN_TABLE = 254;
const FOLDER = '/etc/netns';

export function namePath(name: string): string {
  return `/run/netns/${name}`;
}

/** Errors: BAD_VALUE, for what is somebody else's, or in the way; as of the questions to the host. */
export function planLab(host: Host, question: LabQuestion): readonly PlannedStep[] {
  const { lab, standing } = question;
  const path = namePath(lab.name);
  const isNamed = standsNamespace(host, path, standing);
  const sight = sightOf(host);
  const inside = isNamed ? sightOf(host, path) : { links: [], addresses: [], routes: [] };
  const bridge = bridgeOf(lab, sight, standing);
  requireFree(host, lab, sight.routes, sight.links, bridge?.ifindex ?? null);
  return [
    step(
      { op: 'namespace', path },
      `network namespace ${path}`,
      'with a name, so that ip(8) sees it too; its loopback up',
      {
        isRight: isNamed,
      },
    ),
    ...(lab.useBridge ? [] : bridgeSteps(question, sight, bridge)),
    ...portSteps(question, sight, bridge),
    ...insideSteps(lab, inside),
    ...fileSteps(host, question),
  ];
}

function step(
  operation: NetworkOperation,
  what: string,
  reason: string,
  { isRight, undo = null }: { readonly isRight: boolean; readonly undo?: NetworkUndo | null },
): PlannedStep {
  return { operation, what, reason, undo, isRight };
}

function sightOf(host: Host, namespace?: string): LabSight {
  const ask = <T>(
    encode: (namespace?: string) => Parameters<Host['netlink']>[0],
    decode: (datagrams: readonly Uint8Array[], what: string) => Reading<readonly T[]>,
  ): readonly T[] => {
    const answer = host.netlink(encode(namespace));
    const decoded = answer.ok ? decode(answer.value, 'netlink') : answer;
    if (!decoded.ok) throw errorOfGap(decoded.gap, 'cannot see what the network is');
    return decoded.value;
  };
  return {
    links: ask<Link>(encodeLinkDump, decodeLinks),
    addresses: ask<InterfaceAddress>(encodeAddressDump, decodeAddresses),
    routes: ask<Route>((door) => encodeRouteDump(door), decodeRoutes),
  };
}

/** Errors: BAD_VALUE. */
function standsNamespace(host: Host, path: string, standing: JournalEntry | null): boolean {
  const status = host.stat(path);
  if (!status.ok && status.gap.reason === 'gone' && !host.readLink(path).ok) return false;
  const isOurs = standing?.undo.some(
    (each) => each.op === 'network name' && each.path === path && each.inode === valueOf(status)?.ino,
  );
  if (isOurs === true) return true;
  throw new NsError('BAD_VALUE', {
    what: `there is a network '${path.slice(path.lastIndexOf('/') + 1)}' already`,
    why: `${path} is not of nstool net up`,
    tryThis: 'another NAME',
  });
}

function isMadeBy(standing: JournalEntry | null, link: Link): boolean {
  return standing?.undo.some((each) => each.op === 'network link' && each.mac === link.address) === true;
}

/** undefined: it has to be made. Errors: BAD_VALUE. */
function bridgeOf(
  { bridge: name, useBridge }: Lab,
  { links }: LabSight,
  standing: JournalEntry | null,
): Link | undefined {
  const link = links.find((each) => each.name === name);
  if (link === undefined && !useBridge) return undefined;
  if (link === undefined)
    throw new NsError('NO_FILE', { what: `there is no bridge ${name}`, why: '--use-bridge takes one that is there' });
  if (link.kind !== 'bridge')
    throw new NsError('BAD_VALUE', { what: `${name} is no bridge`, why: `it is ${link.kind ?? 'hardware'}` });
  if (useBridge || isMadeBy(standing, link)) return link;
  throw new NsError('BAD_VALUE', {
    what: `the bridge ${name} is somebody else's`,
    why: link.alias === null ? 'it is not of this nstool net up' : `its alias is '${link.alias}'`,
    tryThis: `--use-bridge, to have a port of it; or another name: --bridge`,
  });
}

function aliasSteps(lab: Lab, name: string, link: Link | undefined): readonly PlannedStep[] {
  const alias = `nstool:lab=${lab.name}`;
  return [
    step({ op: 'alias', link: name, alias }, `alias ${alias} on ${name}`, 'so that everybody sees whose it is', {
      isRight: link?.alias === alias,
    }),
  ];
}

function upStep(link: string, inside: boolean, found: Link | undefined): PlannedStep {
  return step({ op: 'up', inside, link }, `${link} up`, 'a link that is down carries nothing', {
    isRight: found !== undefined && (found.flags & IFF_UP) !== 0,
  });
}

function hasAddress({ addresses }: LabSight, link: Link | undefined, address: string, prefixLength: number): boolean {
  const isIt = (each: InterfaceAddress): boolean => each.address === address && each.prefixLength === prefixLength;
  return link !== undefined && addresses.some((each) => each.ifindex === link.ifindex && isIt(each));
}

function bridgeSteps(
  { lab, macs: [mac] }: LabQuestion,
  sight: LabSight,
  found: Link | undefined,
): readonly PlannedStep[] {
  const { bridge: name, gateway, mtu } = lab;
  const { prefixLength } = lab.address;
  const undo = { op: 'network link', name, kind: 'bridge', mac, network: 0n } as const;
  const made = { op: 'bridge', name, mac, mtu } as const;
  const isRight = found !== undefined;
  const address = { op: 'address', inside: false, link: name, address: gateway, prefixLength } as const;
  return [
    step(made, `bridge ${name}`, 'what the pair is plugged into; its own link address, or it would follow its ports', {
      isRight,
      undo,
    }),
    ...aliasSteps(lab, name, found),
    step(address, `address ${gateway}/${prefixLength} on ${name}`, 'the gateway of those behind it', {
      isRight: hasAddress(sight, found, gateway, prefixLength),
    }),
    upStep(name, false, found),
  ];
}

/** Errors: BAD_VALUE. */
function portSteps(
  { lab, standing, macs: [, mac, inner] }: LabQuestion,
  sight: LabSight,
  bridge: Link | undefined,
): readonly PlannedStep[] {
  const { port: name, mtu } = lab;
  const found = sight.links.find((each) => each.name === name);
  if (found !== undefined && !isMadeBy(standing, found))
    throw new NsError('BAD_VALUE', {
      what: `there is a link ${name} already`,
      why: 'it is not of this nstool net up',
      tryThis: 'another NAME',
    });
  const undo = { op: 'network link', name, kind: 'veth', mac, network: 0n } as const;
  const peer = { name: INNER_LINK, mac: inner };
  const made = { op: 'veth', name, mac, mtu, bridge: lab.bridge, peer } as const;
  const isPort = found === undefined || found.master === bridge?.ifindex;
  return [
    step(made, `pair ${name} and ${INNER_LINK}`, `${name} is a port of ${lab.bridge}, ${INNER_LINK} is made inside`, {
      isRight: found !== undefined,
      undo,
    }),
    ...aliasSteps(lab, name, found),
    ...(isPort ? [] : [rePort(lab)]),
    upStep(name, false, found),
  ];
}

function rePort({ port, bridge }: Lab): PlannedStep {
  return step({ op: 'port', link: port, bridge }, `${port} a port of ${bridge}`, 'somebody took it out', {
    isRight: false,
  });
}

function insideSteps({ address: net, gateway }: Lab, sight: LabSight): readonly PlannedStep[] {
  const link = sight.links.find((each) => each.name === INNER_LINK);
  const { address, prefixLength } = net;
  const isRouted = sight.routes.some(
    ({ destination, table, family, nextHops }) =>
      destination === 'default' && table === MAIN_TABLE && family === 'inet' && nextHops[0]?.gateway === gateway,
  );
  const operation = { op: 'address', inside: true, link: INNER_LINK, address, prefixLength } as const;
  return [
    step(operation, `address ${address}/${prefixLength} on ${INNER_LINK}`, 'inside', {
      isRight: hasAddress(sight, link, address, prefixLength),
    }),
    upStep(INNER_LINK, true, link),
    step({ op: 'route', gateway }, `default route by ${gateway}`, 'inside: all else goes to the bridge', {
      isRight: isRouted,
    }),
  ];
}

/** Errors: BAD_VALUE. */
function fileSteps(host: Host, { lab, standing, shared }: LabQuestion): readonly PlannedStep[] {
  const own = `${FOLDER}/${lab.name}`;
  const path = `${own}/resolv.conf`;
  const text = resolverText(lab);
  const bytes = host.readFile(path);
  if (!bytes.ok && bytes.gap.reason !== 'gone') throw errorOfGap(bytes.gap, `cannot look at ${path}`);
  const isJournalled = (op: NetworkUndo['op'], at: string): boolean =>
    standing?.undo.some((each) => each.op === op && 'path' in each && each.path === at) === true;
  // Its first line says that it is ours: the system was started again, and the journal is gone.
  const isFound = bytes.ok && !isJournalled('file', path);
  if (isFound && decodeText(bytes.value) !== text)
    throw new NsError('BAD_VALUE', {
      what: `there is a file ${path} already`,
      why: 'it is not of nstool net up',
      tryThis: 'another NAME; or move it away',
    });
  const folders = [FOLDER, own].map((folder): PlannedStep => {
    // Another lab that made it may be gone before us.
    const isTaken = shared.has(folder) || (isFound && folder === own);
    const change = { op: 'folder', path: folder } as const;
    return step(change, `directory ${folder}`, 'where ip-netns(8) looks for files of a network', {
      isRight: host.stat(folder).ok && (!isTaken || isJournalled('folder', folder)),
      undo: change,
    });
  });
  const file = { op: 'file', path, text } as const;
  const isRight = bytes.ok && !isFound;
  return [...folders, step(file, `file ${path}`, 'whom programs inside ask for names', { isRight, undo: file })];
}

function resolverText({ name, nameservers }: Lab): string {
  return [`# nstool net up ${name}`, ...nameservers.map((server) => `nameserver ${server}`), ''].join('\n');
}

// From a snapshot to the steps that build it again: networks, links, addresses, routes, rules, neighbours, nftables, settings,
// files, in this order.

import {
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_NEWADDR,
  RTM_NEWNEIGH,
  RTM_NEWROUTE,
  RTM_NEWRULE,
} from '../kernel/abi/netlink.ts';
import { encodeRecord, type Layout, type MessageRecord } from '../kernel/netlink/layout.ts';
import { ADDRESS_LAYOUT, NEIGHBOUR_LAYOUT, ROUTE_LAYOUT, RULE_LAYOUT } from '../kernel/netlink/layouts.ts';
import { encodeMessage } from '../kernel/netlink/message.ts';
import type { ReplayRequest, ReplayStep } from '../kernel/replay-plan.ts';
import { withHostsOf } from '../kernel/text/nsswitch.ts';
import { planLinks } from './replay-links.ts';
import { nftSteps } from './replay-nftables.ts';
import { settingOrder } from './snapshot-settings.ts';
import type { Missing, Snapshot, SnapshotNetwork } from './snapshot.ts';

const RTM_DELRULE = 33;
const NLM_F_APPEND = 0x800;
const AF_INET = 2;
const AF_INET6 = 10;
const RTPROT_KERNEL = 2;
const RTNH_F_ONLINK = 4;
const FIB_RULE_INVERT = 2;
/** SECONDARY, DADFAILED, DEPRECATED, TENTATIVE, PERMANENT: what the kernel finds out. */
const FOUND_FLAGS = 0x01 | 0x08 | 0x20 | 0x40 | 0x80;
const FOLDER = '/etc/netns';

export interface ReplayPlan {
  readonly paths: readonly string[];
  readonly steps: readonly ReplayStep[];
  /** What is not as it was, known before. */
  readonly standIns: readonly Missing[];
}

/** `nsswitch`: this machine's, of which all but the line for hosts is kept. */
export function planReplay(snapshot: Snapshot, name: string, nsswitch: Uint8Array | undefined): ReplayPlan {
  const { networks } = snapshot;
  const paths = networks.map((_, index) => pathOf(name, index));
  const sink = paths[1] ?? pathOf(name, 1);
  const links = planLinks(snapshot, paths, sink);
  const all = paths.includes(sink) ? paths : [...paths, sink];
  const each = (plan: (network: SnapshotNetwork, at: string) => readonly ReplayStep[]): readonly ReplayStep[] =>
    networks.flatMap((network, index) => plan(network, paths[index] ?? ''));
  return {
    paths: all,
    standIns: links.standIns,
    steps: [
      ...all.map((path): ReplayStep => ({ op: 'namespace', path })),
      ...all.map((at): ReplayStep => ({ op: 'settings', at, settings: QUIET })),
      ...links.make,
      ...each(addressSteps),
      ...each(routeSteps),
      ...each(({ nft }, at) => nftSteps(nft, at)),
      ...each(({ settings }, at) => [{ op: 'settings', at, settings: ordered(settings) }]),
      ...links.finish,
      ...fileSteps(networks[0]?.files ?? {}, name, nsswitch),
    ],
  };
}

function pathOf(name: string, index: number): string {
  const suffix = index === 0 ? '' : index === 1 ? '-router' : `-router${index}`;
  return `/run/netns/${name}${suffix}`;
}

/** So that links give themselves no addresses, and find none of theirs taken. It is put back by the last settings. */
const QUIET: readonly (readonly [string, string])[] = [
  ['ipv6/conf/all/disable_ipv6', '0'],
  ['ipv6/conf/default/disable_ipv6', '0'],
  ['ipv6/conf/default/accept_dad', '0'],
  ['ipv6/conf/default/addr_gen_mode', '1'],
];

function ordered(settings: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(settings).toSorted(([a], [b]) => settingOrder(a) - settingOrder(b));
}

function request(layout: Layout, type: number, flags: number, record: MessageRecord, what: string): ReplayRequest {
  const message = encodeMessage(type, NLM_F_REQUEST | NLM_F_ACK | flags, encodeRecord(layout, record));
  return { what, message, already: ['EEXIST'] };
}

function addressSteps({ addresses, routes }: SnapshotNetwork, at: string): readonly ReplayStep[] {
  // Of a link IPv6 lists the newest first; which link had its own first the routes say that came with them.
  const order = routes.filter(isOfLink).map(({ oif }) => oif);
  const place = ({ ifindex }: MessageRecord): number =>
    order.includes(ifindex) ? order.indexOf(ifindex) : order.length;
  const newer = addresses.filter(({ family }) => family === AF_INET6).toReversed();
  const inOrder = [
    ...addresses.filter(({ family }) => family === AF_INET),
    ...newer.toSorted((a, b) => place(a) - place(b)),
  ];
  const requests = inOrder.map((record) => {
    const flags = Number(record['flags'] ?? 0) & ~FOUND_FLAGS;
    const what = `address ${textOf(record['local'] ?? record['address'])}/${textOf(record['prefix_length'])}`;
    return request(ADDRESS_LAYOUT, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, { ...record, flags: flags >>> 0 }, what);
  });
  return [{ op: 'requests', at, anyOrder: false, requests }];
}

function isOfLink({ family, dst, protocol }: MessageRecord): boolean {
  return family === AF_INET6 && dst === 'fe80::' && protocol === RTPROT_KERNEL;
}

function textOf(field: unknown): string {
  return typeof field === 'string' || typeof field === 'number' ? String(field) : '';
}

function routeSteps({ routes, rules, neighbours }: SnapshotNetwork, at: string): readonly ReplayStep[] {
  const direct = routes.filter((route) => !hasGateway(route));
  const inOrder = [...direct, ...routes.filter(hasGateway)].map(routeRequest);
  const neighbourRequests = neighbours.map((record) =>
    request(
      NEIGHBOUR_LAYOUT,
      RTM_NEWNEIGH,
      NLM_F_CREATE | NLM_F_EXCL,
      record,
      `neighbour ${textOf(record['dst'] ?? record['lladdr'])}`,
    ),
  );
  return [
    { op: 'requests', at, anyOrder: true, requests: inOrder },
    { op: 'requests', at, anyOrder: false, requests: [...ruleRequests(rules), ...neighbourRequests] },
  ];
}

function hasGateway({ gateway, via, nexthops }: MessageRecord): boolean {
  return gateway !== undefined || via !== undefined || nexthops !== undefined;
}

function routeRequest(route: MessageRecord): ReplayRequest {
  const { nexthops, flags, nh_id: _, ...rest } = route;
  const hops = Array.isArray(nexthops)
    ? { nexthops: nexthops.map((hop: MessageRecord) => ({ ...hop, flags: Number(hop['flags']) & RTNH_F_ONLINK })) }
    : {};
  const record = { ...rest, flags: Number(flags) & RTNH_F_ONLINK, ...hops };
  const isKernels = route['protocol'] === RTPROT_KERNEL;
  // Of IPv4 one after another of the same kind, of IPv6 that is the rule.
  const more = route['family'] === AF_INET6 ? 0 : isKernels ? NLM_F_EXCL : NLM_F_APPEND;
  return request(ROUTE_LAYOUT, RTM_NEWROUTE, NLM_F_CREATE | more, record, `route ${routeText(route)}`);
}

function routeText({ dst, dst_length: length, table }: MessageRecord): string {
  const to = dst === undefined ? 'default' : `${textOf(dst)}/${textOf(length)}`;
  return table === 254 ? to : `${to} of table ${textOf(table)}`;
}

/** Those that each network has from the beginning: priority and table, by family. */
const FIRST_RULES: readonly (readonly [number, number, number])[] = [
  [AF_INET, 0, 255],
  [AF_INET, 32_766, 254],
  [AF_INET, 32_767, 253],
  [AF_INET6, 0, 255],
  [AF_INET6, 32_766, 254],
];
const TO_TABLE = 1;

function ruleRequests(rules: readonly MessageRecord[]): readonly ReplayRequest[] {
  const made = rules.map((rule) => {
    // Of the first one the kernel does not tell it, and gives another to one without.
    const record = { priority: 0, ...rule, flags: Number(rule['flags']) & FIB_RULE_INVERT };
    return request(RULE_LAYOUT, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, record, `rule ${textOf(rule['priority'])}`);
  });
  const families = new Set(rules.map(({ family }) => family));
  const removed = FIRST_RULES.filter(([family, priority, table]) => {
    const isIt = (rule: MessageRecord): boolean =>
      rule['family'] === family && (rule['priority'] ?? 0) === priority && rule['table'] === table;
    // Without any of its family it was not told.
    return families.has(family) && !rules.some(isIt);
  }).map(([family, priority, table]) => {
    const record = { family, action: TO_TABLE, priority, table };
    const message = encodeMessage(RTM_DELRULE, NLM_F_REQUEST | NLM_F_ACK, encodeRecord(RULE_LAYOUT, record));
    return { what: `that there is no rule ${priority}`, message, already: ['ENOENT', 'EAFNOSUPPORT'] };
  });
  return [...made, ...removed];
}

function fileSteps(
  files: Readonly<Record<string, string>>,
  name: string,
  nsswitch: Uint8Array | undefined,
): readonly ReplayStep[] {
  const switched = nsswitch === undefined ? undefined : nsswitchOf(files, nsswitch);
  const texts = Object.entries({ ...files, ...(switched === undefined ? {} : { 'nsswitch.conf': switched }) });
  const kept = texts.filter(([file]) => file !== 'nsswitch.conf' || switched !== undefined);
  if (kept.length === 0) return [];
  const own = `${FOLDER}/${name}`;
  return [
    { op: 'folder', path: FOLDER },
    { op: 'folder', path: own },
    ...kept.map(([file, text]): ReplayStep => ({ op: 'file', path: `${own}/${file}`, text })),
  ];
}

/** Names of libraries stand in it: of the target's only the line for hosts counts, and of that only what we know. */
function nsswitchOf(files: Readonly<Record<string, string>>, ours: Uint8Array): string | undefined {
  const theirs = files['nsswitch.conf'];
  return theirs === undefined ? undefined : withHostsOf(ours, new TextEncoder().encode(theirs));
}

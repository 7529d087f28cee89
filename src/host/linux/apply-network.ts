// One operation on a network: the kernel call that it is.

import { gap, value, type NetlinkRequest, type Reading } from '../../kernel/host.ts';
import type { JournalEntry } from '../../kernel/journal.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import {
  encodeAlias,
  encodeHairpin,
  encodeMaster,
  encodeMove,
  encodeMtu,
  encodeNewAddress,
  encodeNewBridge,
  encodeNewMacvlan,
  encodeNewRoute,
  encodeNewVeth,
  encodeNewVxlan,
  encodeRemoveAddress,
  encodeRemoveLink,
  encodeRemoveRoute,
  encodeStp,
  encodeUp,
  type NewLink,
} from '../../kernel/netlink/change.ts';
import { encodeNetem, encodeRemoveRootQueue } from '../../kernel/netlink/netem.ts';
import type { NftMessage } from '../../kernel/nftables/batch.ts';
import { LINK_GROUP, undoText, type NetworkOperation, type NetworkPlace } from '../../kernel/network-plan.ts';
import { makeTun } from './make-tun.ts';
import { makeFile, makeFolder } from './network-files.ts';
import type { NetworkPlaces } from './network-places.ts';
import { netlinkRoute } from './planned-route.ts';
import { writeSetting } from './network-setting.ts';
import { sendNftables } from './send-nftables.ts';
import { undoNetwork } from './undo-network.ts';

/** Source: linux/if_link.h. */
const MACVLAN_MODES = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;

type Operation<Op extends NetworkOperation['op']> = Extract<NetworkOperation, { op: Op }>;

/** `others`: the entries of the journal but that of the plan. Errors: of the kernel call; some are thrown. */
export function applyNetwork(
  operation: Exclude<NetworkOperation, Operation<'namespace'>>,
  places: NetworkPlaces,
  others: readonly JournalEntry[],
): Reading<unknown> {
  const { at } = operation;
  const change = (link: string, encode: (ifindex: number) => NetlinkRequest): Reading<unknown> =>
    withIndex(places, at, link, (ifindex) => places.ask(at, encode(ifindex)));
  switch (operation.op) {
    case 'bridge':
      return places.ask(at, encodeNewBridge(newLink(operation), operation.stp));
    case 'veth':
      return makeVeth(operation, places);
    case 'macvlan': {
      const [mode, to] = [MACVLAN_MODES[operation.mode], places.otherFd(at, operation.to)];
      return change(operation.link, (link) => encodeNewMacvlan(newLink(operation), { link, mode, to }));
    }
    case 'vxlan':
      return makeVxlan(operation, places);
    case 'tun':
      return makeTun(operation, places);
    case 'move': {
      const to = places.otherFd(at, operation.to);
      return change(operation.link, (ifindex) => encodeMove(ifindex, to, operation.name));
    }
    case 'alias':
      return change(operation.link, (ifindex) => encodeAlias(ifindex, operation.alias));
    case 'stp':
      return change(operation.link, (ifindex) => encodeStp(ifindex, operation.stp));
    case 'hairpin':
      return change(operation.link, encodeHairpin);
    case 'mtu':
      return change(operation.link, (ifindex) => encodeMtu(ifindex, operation.mtu));
    case 'port':
      return withIndex(places, at, operation.bridge, (master) =>
        change(operation.link, (ifindex) => encodeMaster(ifindex, master)),
      );
    case 'address': {
      const bytes = bytesOf(operation.address);
      return change(operation.link, (ifindex) => encodeNewAddress(ifindex, bytes, operation.prefixLength));
    }
    case 'remove address': {
      const bytes = bytesOf(operation.address);
      return goneIsFine(change(operation.link, (index) => encodeRemoveAddress(index, bytes, operation.prefixLength)));
    }
    case 'up':
      return change(operation.link, encodeUp);
    case 'impair':
      return impairLink(operation, places);
    case 'remove link': {
      const removed = goneIsFine(change(operation.link, encodeRemoveLink));
      places.forget(at, operation.link);
      return removed;
    }
    case 'route':
    case 'remove route':
      return changeRoute(operation, places);
    case 'sysctl':
      writeSetting(operation, at === null ? null : places.fd(at));
      return value(null);
    case 'nft':
      return changeNftables(operation.messages, at === null ? undefined : places.door(at));
    case 'folder':
      return makeFolder(operation.path);
    case 'file':
      return makeFile(operation);
    case 'undo':
      return undoOne(operation, others);
  }
}

/** `link`: null, for none. */
function withIndex(
  places: NetworkPlaces,
  at: NetworkPlace,
  link: string | null,
  act: (ifindex: number) => Reading<unknown>,
): Reading<unknown> {
  const index = link === null ? value(0) : places.indexOf(at, link);
  return index.ok ? act(index.value) : index;
}

/** What is to go went with something else. */
function goneIsFine(answer: Reading<unknown>): Reading<unknown> {
  return answer.ok || answer.gap.reason !== 'gone' ? answer : value(null);
}

function newLink({ name, mac, mtu }: Pick<NewLink, 'name' | 'mac' | 'mtu'>): NewLink {
  return { name, mac, mtu, group: LINK_GROUP };
}

function makeVeth({ at, name, mac, mtu, bridge, peer }: Operation<'veth'>, places: NetworkPlaces): Reading<unknown> {
  const end = newLink({ name, mac, mtu });
  const other = { ...newLink({ name: peer.name, mac: peer.mac, mtu }), namespace: places.otherFd(at, peer.at) };
  return withIndex(places, at, bridge, (master) =>
    places.ask(at, encodeNewVeth(end, other, bridge === null ? null : master)),
  );
}

function impairLink({ at, link, impair }: Operation<'impair'>, places: NetworkPlaces): Reading<unknown> {
  return withIndex(places, at, link, (ifindex) => {
    const remove = (): Reading<unknown> => goneIsFine(places.ask(at, encodeRemoveRootQueue(ifindex)));
    if (impair === null) return remove();
    const set = (): Reading<unknown> => places.ask(at, encodeNetem(ifindex, impair));
    const answer = set();
    // A netem in the place of a netem: since Linux 6.5 that only changes it (EEXIST), and where there are two meanwhile
    // none may duplicate (EINVAL). Source: tc_modify_qdisc(), check_netem_in_tree(), net/sched/sch_{api,netem}.c.
    if (answer.ok || !['EEXIST', 'EINVAL'].includes(answer.gap.errno ?? '')) return answer;
    const removed = remove();
    return removed.ok ? set() : removed;
  });
}

function makeVxlan(operation: Operation<'vxlan'>, places: NetworkPlaces): Reading<unknown> {
  const { at, link, id, port } = operation;
  const local = operation.local === null ? null : bytesOf(operation.local);
  const remote = operation.remote === null ? null : bytesOf(operation.remote);
  const to = places.otherFd(at, operation.to);
  return withIndex(places, at, link, (index) => {
    const by = link === null ? null : index;
    return places.ask(at, encodeNewVxlan(newLink(operation), { id, port, local, remote, link: by, to }));
  });
}

function changeRoute(operation: Operation<'route' | 'remove route'>, places: NetworkPlaces): Reading<unknown> {
  const { at, link } = operation;
  return withIndex(places, at, link, (index) => {
    const route = netlinkRoute(operation, index);
    if (operation.op === 'route') return places.ask(at, encodeNewRoute(route, operation.replaces));
    return goneIsFine(places.ask(at, encodeRemoveRoute(route)));
  });
}

function changeNftables(messages: readonly NftMessage[], door: string | undefined): Reading<unknown> {
  const sent = sendNftables(messages, door);
  const [first] = sent.ok ? [] : sent.refused;
  return first === undefined ? value(null) : gap(first.gap);
}

function undoOne({ undo }: Operation<'undo'>, others: readonly JournalEntry[]): Reading<unknown> {
  const { state, why } = undoNetwork(undo, { dryRun: false, others });
  return state === 'left' ? gap({ reason: 'unsupported', what: undoText(undo), text: why ?? '' }) : value(null);
}

function bytesOf(address: string): Uint8Array {
  return parseAddress(address) ?? new Uint8Array();
}

// One operation on a network: the kernel call that it is.

import { chmodSync, lstatSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { value, type NetlinkRequest, type Reading } from '../../kernel/host.ts';
import { parseAddress } from '../../kernel/netlink/address-text.ts';
import {
  encodeAlias,
  encodeMaster,
  encodeMtu,
  encodeNewAddress,
  encodeNewBridge,
  encodeNewRoute,
  encodeNewVeth,
  encodeStp,
  encodeUp,
} from '../../kernel/netlink/change.ts';
import { LINK_GROUP, type NetworkOperation, type NetworkPlace } from '../../kernel/network-plan.ts';
import { inNamespace } from './in-namespace.ts';
import type { NetworkPlaces } from './network-places.ts';

const FOLDER_MODE = 0o755;
const FILE_MODE = 0o644;

type Operation<Op extends NetworkOperation['op']> = Extract<NetworkOperation, { op: Op }>;

/** Errors: of the kernel call; some are thrown. */
export function applyNetwork(
  operation: Exclude<NetworkOperation, Operation<'namespace'>>,
  places: NetworkPlaces,
): Reading<unknown> {
  const { at } = operation;
  const change = (link: string, encode: (ifindex: number) => NetlinkRequest): Reading<unknown> => {
    const index = places.indexOf(at, link);
    return index.ok ? places.ask(at, encode(index.value)) : index;
  };
  switch (operation.op) {
    case 'bridge':
      return places.ask(at, encodeNewBridge({ ...operation, group: LINK_GROUP }, operation.stp));
    case 'veth':
      return makeVeth(operation, places);
    case 'alias':
      return change(operation.link, (ifindex) => encodeAlias(ifindex, operation.alias));
    case 'stp':
      return change(operation.link, (ifindex) => encodeStp(ifindex, operation.stp));
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
    case 'up':
      return change(operation.link, encodeUp);
    case 'route':
      return makeRoute(operation, places);
    case 'sysctl':
      return writeSysctl(operation, places);
    case 'folder':
      return makeFolder(operation.path);
    case 'file':
      return makeFile(operation);
  }
}

function withIndex(
  places: NetworkPlaces,
  at: NetworkPlace,
  link: string | null,
  act: (ifindex: number) => Reading<unknown>,
): Reading<unknown> {
  const index = link === null ? value(0) : places.indexOf(at, link);
  return index.ok ? act(index.value) : index;
}

function makeVeth({ at, name, mac, mtu, bridge, peer }: Operation<'veth'>, places: NetworkPlaces): Reading<unknown> {
  const end = { name, mac, mtu, group: LINK_GROUP };
  // The descriptor of our own is not held: where both ends are there, none is told.
  const namespace = peer.at === null || peer.at === at ? null : places.fd(peer.at);
  const other = { name: peer.name, mac: peer.mac, mtu, group: LINK_GROUP, namespace };
  return withIndex(places, at, bridge, (master) =>
    places.ask(at, encodeNewVeth(end, other, bridge === null ? null : master)),
  );
}

function makeRoute(operation: Operation<'route'>, places: NetworkPlaces): Reading<unknown> {
  const { at, destination, gateway, link, metric, table } = operation;
  const [address = '', length = ''] = destination.split('/');
  const via = gateway === null ? null : bytesOf(gateway);
  const isDefault = destination === 'default';
  const bytes = isDefault ? new Uint8Array(via?.length ?? 4) : bytesOf(address);
  const prefixLength = isDefault ? 0 : length === '' ? bytes.length * 8 : Number(length);
  return withIndex(places, at, link, (index) => {
    const ifindex = link === null ? null : index;
    return places.ask(at, encodeNewRoute({ destination: bytes, prefixLength, gateway: via, ifindex, metric, table }));
  });
}

/** The files of net are those of the thread's own network namespace. */
function writeSysctl({ at, key, value: text }: Operation<'sysctl'>, places: NetworkPlaces): Reading<unknown> {
  const path = `/proc/sys/${key.replaceAll(/[./]/g, (letter) => (letter === '.' ? '/' : '.'))}`;
  const write = (): void => writeFileSync(path, text, { flag: 'r+' });
  if (at === null) write();
  else inNamespace('net', places.fd(at), write);
  return value(null);
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

function bytesOf(address: string): Uint8Array {
  return parseAddress(address) ?? new Uint8Array();
}

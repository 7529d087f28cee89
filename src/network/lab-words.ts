// From the options of `net up` to a lab: one namespace behind a bridge.

import { NsError } from '../kernel/error.ts';
import { parseAddress } from '../kernel/netlink/address-text.ts';
import { familyOf, ipNetText, isMachineOf, isOrdinary, machineOf, netText, parseIpNet, type IpNet } from './ip-net.ts';
import { HOST, isLinkName, namePath, NO_SETTINGS, portName, requireLabName, type Lab, type LabEnd } from './lab.ts';

/** What was asked for. undefined: the default. */
export interface LabWords {
  readonly name: string | undefined;
  /** All names as the tutorial has them. */
  readonly tutorial: boolean;
  readonly bridge: string | undefined;
  readonly useBridge: boolean;
  readonly address: string | undefined;
  readonly gateway: string | undefined;
  readonly dns: readonly string[];
  readonly mtu: string | undefined;
}

/** What the words came to. */
export interface LabAsked {
  readonly name: string;
  readonly bridge: string;
  /** The bridge is somebody else's: only a port is added. */
  readonly useBridge: boolean;
  /** Our end of the pair, the port of the bridge. */
  readonly port: string;
  /** Inside. */
  readonly address: IpNet;
  /** The bridge's address, unless that is somebody else's. */
  readonly gateway: string;
  readonly nameservers: readonly string[];
  /** Unit: bytes. null: as the kernel has it. */
  readonly mtu: number | null;
}

export const DEFAULT_NAME = 'ns1';
/** Inside. */
const INNER_LINK = 'eth0';

/** Errors: BAD_VALUE. */
export function askedOf(words: LabWords): LabAsked {
  const name = requireLabName(words.name ?? DEFAULT_NAME);
  const bridge = requireLinkName('--bridge', words.bridge ?? (words.tutorial ? 'lxcbr0' : 'nstool0'));
  const port = words.tutorial ? requireLinkName('--bridge', `${bridge}.1`) : portName(name);
  const address = requireNet(words.address ?? '192.168.10.11/24');
  const gateway = words.gateway ?? machineOf(address, 1n);
  requireAddress('--gateway', gateway);
  requireMachine(address, '--address', address.address);
  requireMachine(address, '--gateway', gateway);
  if (gateway === address.address)
    throw bad('--gateway', gateway, 'it is the address inside, and nobody routes by itself');
  const nameservers = words.dns.length === 0 ? ['8.8.8.8'] : words.dns;
  for (const server of nameservers) requireAddress('--dns', server);
  return { name, bridge, useBridge: words.useBridge, port, address, gateway, nameservers, mtu: mtuOf(words.mtu) };
}

export function labOf(asked: LabAsked): Lab {
  const { name, bridge, useBridge, port, address, gateway, nameservers, mtu } = asked;
  const { prefixLength } = address;
  const outer: LabEnd = { node: bridge, link: port, mac: null, addresses: [] };
  const inner: LabEnd = { node: name, link: INNER_LINK, mac: null, addresses: [address] };
  const route = { destination: 'default', gateway, link: null, metric: null, table: null };
  return {
    name,
    nodes: [
      { kind: 'host', name: HOST, ...NO_SETTINGS },
      {
        kind: 'bridge',
        name: bridge,
        in: HOST,
        addresses: useBridge ? [] : [{ address: gateway, prefixLength }],
        mtu,
        stp: false,
        isForeign: useBridge,
      },
      {
        kind: 'namespace',
        path: namePath(name),
        ...NO_SETTINGS,
        name,
        routes: [route],
        dns: nameservers,
        start: [],
      },
    ],
    links: [{ kind: 'veth', ends: [outer, inner], mtu }],
    nat: [],
    publish: [],
  };
}

/** Source: IFNAMSIZ. */
function requireLinkName(option: string, name: string): string {
  if (isLinkName(name) && name !== HOST) return name;
  throw bad(option, name, 'the name of a link takes letters, digits, _ . and -, at most 15 of them');
}

function requireNet(text: string): IpNet {
  const net = parseIpNet(text);
  if (net === undefined || familyOf(net.address) !== 'inet')
    throw bad('--address', text, 'it takes an IPv4 address with the length of its net: 10.1.2.3/24');
  if (net.prefixLength < 8 || net.prefixLength > 30)
    throw bad('--address', text, 'a net of 8 to 30 bits has room for both ends, and for the rest of the world');
  return net;
}

function requireAddress(option: string, text: string): void {
  if (parseAddress(text)?.length !== 4 || !isOrdinary(text))
    throw bad(option, text, 'it takes the IPv4 address of a machine: 10.1.2.3');
}

function requireMachine(net: IpNet, option: string, address: string): void {
  if (!isOrdinary(address) || !isMachineOf(net, address))
    throw bad(option, address, `no machine of ${netText(net)} can have it`);
}

function mtuOf(text: string | undefined): number | null {
  if (text === undefined) return null;
  const mtu = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (mtu >= 68 && mtu <= 65_535) return mtu;
  throw bad('--mtu', text, 'it takes a number of bytes from 68 to 65535');
}

function bad(option: string, word: string, why: string): NsError {
  return new NsError('BAD_VALUE', { what: `${option} cannot be '${word}'`, why });
}

/** With all that it is made of, so that another one of the same name is told from it. For people, too. */
export function askedText({ name, bridge, useBridge, port, address, gateway, nameservers, mtu }: LabAsked): string {
  const dns = nameservers.map((server) => `--dns ${server}`).join(' ');
  const size = mtu === null ? '' : ` --mtu ${mtu}`;
  const at = `--address ${ipNetText(address)} --gateway ${gateway}`;
  return `net up ${name} --bridge ${bridge}${useBridge ? ' --use-bridge' : ''} (${port}) ${at} ${dns}${size}`;
}

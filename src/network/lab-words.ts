// From the options of `net up` to a lab: one namespace behind a bridge.

import { NsError } from '../kernel/error.ts';
import { parseAddress } from '../kernel/netlink/address-text.ts';
import {
  familyOf,
  indexOf,
  ipNetText,
  isMachineOf,
  isOrdinary,
  machineOf,
  netText,
  parseIpNet,
  type Family,
  type IpNet,
} from './ip-net.ts';
import { publishOf, publishText, type PublishWords } from './nat-words.ts';
import {
  HOST,
  isLinkName,
  LEAST_IPV6_MTU,
  namePath,
  NO_SETTINGS,
  portName,
  requireLabName,
  type Lab,
  type LabEnd,
  type LabPublish,
} from './lab.ts';

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
  /** A net, or an address in one. null: no IPv6. undefined: a net of our own choice. */
  readonly ipv6: string | undefined | null;
  readonly stp: boolean;
  readonly nat: boolean;
  /** `8080:80`. */
  readonly publish: readonly string[];
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
  readonly ipv6: { readonly address: IpNet; readonly gateway: string } | null;
  readonly stp: boolean;
  /** What it sends to others goes by our own address. */
  readonly nat: boolean;
  readonly publish: readonly PublishWords[];
}

/** A network that is there, in place of a new one. */
export interface Attached {
  readonly path: string;
  readonly inode: bigint;
  /** What our link is called in it. */
  readonly link: string;
  /** It has default routes of these families already. */
  readonly routed: ReadonlySet<Family>;
}

export const DEFAULT_NAME = 'ns1';
/** Inside. */
const INNER_LINK = 'eth0';

/** Errors: BAD_VALUE. */
export function askedOf(words: LabWords): LabAsked {
  const name = requireLabName(words.name ?? DEFAULT_NAME);
  const bridge = requireLinkName('--bridge', words.bridge ?? (words.tutorial ? 'lxcbr0' : 'nstool0'));
  const port = words.tutorial ? requireLinkName('--bridge', `${bridge}.1`) : portName(name);
  requireApart(name, bridge, port);
  const address = requireNet(words.address ?? '192.168.10.11/24');
  const gateway = words.gateway ?? machineOf(address, 1n);
  requireAddress('--gateway', gateway);
  requireMachine(address, '--address', address.address);
  requireMachine(address, '--gateway', gateway);
  if (gateway === address.address)
    throw bad('--gateway', gateway, 'it is the address inside, and nobody routes by itself');
  const nameservers = words.dns.length === 0 ? ['8.8.8.8'] : words.dns;
  for (const server of nameservers) requireAddress('--dns', server);
  const { useBridge, stp, nat } = words;
  const ipv6 = words.ipv6 === null ? null : ipv6Of(address, words.ipv6);
  const mtu = mtuOf(words.mtu, ipv6 === null ? 68 : LEAST_IPV6_MTU);
  const publish = words.publish.map(publishOf);
  return { name, bridge, useBridge, port, address, gateway, nameservers, mtu, ipv6, stp, nat, publish };
}

/** `attached`: null, for a new one. */
export function labOf(asked: LabAsked, attached: Attached | null): Lab {
  const { name, bridge, useBridge, port, address, gateway, nameservers, mtu, ipv6, stp } = asked;
  const insides = ipv6 === null ? [address] : [address, ipv6.address];
  const gateways = ipv6 === null ? [gateway] : [gateway, ipv6.gateway];
  const outer: LabEnd = { node: bridge, link: port, mac: null, addresses: [] };
  const inner: LabEnd = { node: name, link: attached?.link ?? INNER_LINK, mac: null, addresses: insides };
  const routes = gateways
    .filter((each) => attached?.routed.has(familyOf(each)) !== true)
    .map((each) => ({ destination: 'default', gateway: each, link: null, metric: null, table: null }));
  return {
    name,
    nodes: [
      { kind: 'host', name: HOST, ...NO_SETTINGS },
      {
        kind: 'bridge',
        name: bridge,
        in: HOST,
        addresses: useBridge
          ? []
          : insides.map(({ prefixLength }, at) => ({ address: gateways[at] ?? gateway, prefixLength })),
        mtu,
        stp,
        isForeign: useBridge,
      },
      attached === null
        ? { kind: 'namespace', path: namePath(name), ...NO_SETTINGS, name, routes, dns: nameservers, start: [] }
        : { kind: 'attached', path: attached.path, inode: attached.inode, ...NO_SETTINGS, name, routes },
    ],
    links: [{ kind: 'veth', ends: [outer, inner], mtu }],
    nat: asked.nat ? insides.map((source) => ({ node: HOST, source, outLink: null })) : [],
    publish: asked.publish.flatMap((each) => publishedAt(each, insides)),
  };
}

/** All addresses of the host lead to all inside, one of them to one of its own kind. Errors: BAD_VALUE. */
function publishedAt(words: PublishWords, insides: readonly IpNet[]): readonly LabPublish[] {
  const { address } = words;
  const to = insides.filter((each) => address === null || familyOf(each.address) === familyOf(address));
  if (to.length === 0) throw bad('--publish', publishText(words), 'nobody inside has an IPv6 address: --ipv6');
  return to.map((each) => ({ ...words, node: HOST, toAddress: each.address }));
}

/** The nodes of a lab are known by their names, and the links of a network too. Errors: BAD_VALUE. */
function requireApart(name: string, bridge: string, port: string): void {
  const taken = (what: string): NsError =>
    new NsError('BAD_VALUE', { what: `'${name}' cannot be the name of this network`, why: what });
  if (name === HOST) throw taken('it is what our own network is called in a lab');
  if (name === bridge) throw taken('its bridge has it: --bridge takes another one');
  if (bridge === port) throw bad('--bridge', bridge, `it is the name of the port for ${name}`);
}

/** Source: IFNAMSIZ. */
function requireLinkName(option: string, name: string): string {
  if (isLinkName(name) && name !== HOST) return name;
  throw bad(option, name, 'the name of a link takes letters, digits, _ . and -, at most 15 of them');
}

/** Of a net the address inside is the one that the IPv4 address is in its net. Errors: BAD_VALUE. */
function ipv6Of(ipv4: IpNet, text: string | undefined): NonNullable<LabAsked['ipv6']> {
  const net = parseIpNet(text ?? ownNet(ipv4));
  if (net === undefined || familyOf(net.address) !== 'inet6' || net.prefixLength < 8 || net.prefixLength > 120)
    throw bad('--ipv6', text ?? '', 'it takes an IPv6 net of 8 to 120 bits, or an address in one: fd00:1::/64');
  const isNet = machineOf(net, 0n) === net.address;
  const address = isNet ? machineOf(net, indexOf(ipv4)) : net.address;
  const gateway = machineOf(net, 1n);
  requireMachine(net, '--ipv6', address);
  if (address === gateway) throw bad('--ipv6', address, 'it is the address of the gateway, the first one');
  return { address: { address, prefixLength: net.prefixLength }, gateway };
}

/** A net that nobody else draws: of RFC 4193, our name, and the IPv4 net. */
function ownNet(ipv4: IpNet): string {
  const bytes = parseAddress(machineOf(ipv4, 0n)) ?? new Uint8Array();
  const [high, low] = [0, 2].map((at) => (((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)).toString(16));
  return `fd6e:7374:${high}:${low}::/64`;
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

function mtuOf(text: string | undefined, least: number): number | null {
  if (text === undefined) return null;
  const mtu = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (mtu >= least && mtu <= 65_535) return mtu;
  const what = least === LEAST_IPV6_MTU ? ', as IPv6 is on no link of less' : '';
  throw bad('--mtu', text, `it takes a number of bytes from ${least} to 65535${what}`);
}

function bad(option: string, word: string, why: string): NsError {
  return new NsError('BAD_VALUE', { what: `${option} cannot be '${word}'`, why });
}

/** With all that it is made of. For people. */
export function askedText(asked: LabAsked, attach: string | undefined): string {
  const { name, bridge, useBridge, port, address, gateway, nameservers, mtu, ipv6, stp, nat, publish } = asked;
  return [
    `net up ${name} --bridge ${bridge}`,
    ...(useBridge ? ['--use-bridge'] : []),
    `(${port}) --address ${ipNetText(address)} --gateway ${gateway}`,
    ...nameservers.map((server) => `--dns ${server}`),
    ...(mtu === null ? [] : [`--mtu ${mtu}`]),
    ...(ipv6 === null ? [] : [`--ipv6=${ipNetText(ipv6.address)}`]),
    ...(stp ? ['--stp'] : []),
    ...(nat ? ['--nat'] : []),
    ...publish.map((each) => `--publish ${publishText(each)}`),
    ...(attach === undefined ? [] : [`--attach ${attach}`]),
  ].join(' ');
}

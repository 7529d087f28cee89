// RTM_NEWLINK that makes a link again, with its index, and what is told of it afterwards.
// Source: include/uapi/linux/{if_link.h,veth.h}, net/core/rtnetlink.c rtnl_newlink(), rtnl_linkprop().

import {
  IFLA_ADDRESS,
  IFLA_ALT_IFNAME,
  IFLA_GROUP,
  IFLA_IFALIAS,
  IFLA_IFNAME,
  IFLA_INFO_DATA,
  IFLA_INFO_KIND,
  IFLA_INFO_SLAVE_DATA,
  IFLA_INFO_SLAVE_KIND,
  IFLA_LINK,
  IFLA_LINKINFO,
  IFLA_MASTER,
  IFLA_MTU,
  IFLA_NET_NS_FD,
  IFLA_PROP_LIST,
  NLA_F_NESTED,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  NLM_F_REQUEST,
  RTM_NEWLINK,
  VETH_INFO_PEER,
} from '../abi/netlink.ts';
import { parseLinkLayer } from './address-text.ts';
import { encodeRows, joined, type MessageRecord, type Row } from './layout.ts';
import { encodeAttribute, encodeMessage, view } from './message.ts';

const IFINFOMSG_LENGTH = 16;
const IFLA_TXQLEN = 13;
const IFLA_AF_SPEC = 26;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const RTM_NEWLINKPROP = 108;
const AF_INET6 = 10;
const IFLA_INET6_ADDR_GEN_MODE = 8;

export interface LinkMaking {
  readonly ifindex: number;
  readonly name: string;
  /** null: the kernel's choice. */
  readonly address: string | null;
  readonly mtu: number;
  readonly txqlen: number;
  readonly group: number;
  readonly queues: { readonly tx: number; readonly rx: number };
}

/** `below`: the index of the link that it is on. */
export function encodeWholeLink(
  link: LinkMaking,
  kind: { readonly name: string; readonly rows: readonly Row[]; readonly data: MessageRecord },
  below: number | null,
): Uint8Array {
  const info = [
    encodeAttribute(IFLA_INFO_KIND, text(kind.name)),
    nested(IFLA_INFO_DATA, encodeRows(kind.rows, kind.data)),
  ];
  const on = below === null ? [] : [encodeAttribute(IFLA_LINK, word(below))];
  return newLink([...linkParts(link), ...on, nested(IFLA_LINKINFO, info)]);
}

/**
 * Both ends. `isFar`: the second one is in another network, whose descriptor has to be written into the last four bytes of
 * the message.
 */
export function encodeWholeVeth(link: LinkMaking, peer: LinkMaking, isFar: boolean): Uint8Array {
  const other = [...linkParts(peer), ...(isFar ? [encodeAttribute(IFLA_NET_NS_FD, word(0))] : [])];
  const data = nested(IFLA_INFO_DATA, [nested(VETH_INFO_PEER, other)]);
  const info = [encodeAttribute(IFLA_INFO_KIND, text('veth')), data];
  return newLink([...linkParts(link), nested(IFLA_LINKINFO, info)]);
}

function newLink(parts: readonly Uint8Array[]): Uint8Array {
  return encodeMessage(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, parts);
}

function linkParts({ ifindex, name, address, mtu, txqlen, group, queues }: LinkMaking): readonly Uint8Array[] {
  const mac = address === null ? undefined : parseLinkLayer(address);
  return [
    header(ifindex),
    encodeAttribute(IFLA_IFNAME, text(name)),
    ...(mac === undefined ? [] : [encodeAttribute(IFLA_ADDRESS, mac)]),
    encodeAttribute(IFLA_MTU, word(mtu)),
    encodeAttribute(IFLA_TXQLEN, word(txqlen)),
    encodeAttribute(IFLA_GROUP, word(group)),
    encodeAttribute(IFLA_NUM_TX_QUEUES, word(queues.tx)),
    encodeAttribute(IFLA_NUM_RX_QUEUES, word(queues.rx)),
  ];
}

function change(parts: readonly Uint8Array[], type = RTM_NEWLINK, flags = 0): Uint8Array {
  return encodeMessage(type, NLM_F_REQUEST | NLM_F_ACK | flags, parts);
}

export function encodeLinkAlias(ifindex: number, alias: string): Uint8Array {
  return change([header(ifindex), encodeAttribute(IFLA_IFALIAS, text(alias))]);
}

/** Since: Linux 5.5. */
export function encodeAltNames(ifindex: number, names: readonly string[]): Uint8Array {
  const list = names.map((name) => encodeAttribute(IFLA_ALT_IFNAME, text(name)));
  const flags = NLM_F_CREATE | NLM_F_EXCL;
  return change([header(ifindex), nested(IFLA_PROP_LIST, list)], RTM_NEWLINKPROP, flags);
}

export function encodeLinkMaster(ifindex: number, master: number): Uint8Array {
  return change([header(ifindex), encodeAttribute(IFLA_MASTER, word(master))]);
}

/** What it is as a port of a bridge. */
export function encodeBridgePort(ifindex: number, rows: readonly Row[], port: MessageRecord): Uint8Array {
  const kind = encodeAttribute(IFLA_INFO_SLAVE_KIND, text('bridge'));
  const info = nested(IFLA_LINKINFO, [kind, nested(IFLA_INFO_SLAVE_DATA, encodeRows(rows, port))]);
  return change([header(ifindex), info]);
}

export function encodeLinkSize(ifindex: number, mtu: number, txqlen: number): Uint8Array {
  return change([header(ifindex), encodeAttribute(IFLA_MTU, word(mtu)), encodeAttribute(IFLA_TXQLEN, word(txqlen))]);
}

/** Those of `flags` that stand in `mask`. */
export function encodeLinkFlags(ifindex: number, flags: number, mask: number): Uint8Array {
  const parts = header(ifindex);
  view(parts).setUint32(8, flags & mask, true);
  view(parts).setUint32(12, mask, true);
  return change([parts]);
}

/** How it gets its link-local address, without giving it one now. */
export function encodeAddrGenMode(ifindex: number, mode: number): Uint8Array {
  const inet6 = nested(AF_INET6, [encodeAttribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(mode))]);
  return change([header(ifindex), nested(IFLA_AF_SPEC, [inet6])]);
}

function header(ifindex: number): Uint8Array {
  const bytes = new Uint8Array(IFINFOMSG_LENGTH);
  view(bytes).setInt32(4, ifindex, true);
  return bytes;
}

function nested(type: number, parts: readonly Uint8Array[]): Uint8Array {
  return encodeAttribute(type | NLA_F_NESTED, joined(parts));
}

function word(number: number): Uint8Array {
  const bytes = new Uint8Array(4);
  view(bytes).setUint32(0, number, true);
  return bytes;
}

function text(words: string): Uint8Array {
  return new TextEncoder().encode(`${words}\0`);
}

// What a network namespace has that no snapshot holds: counted, so that it is told.

import {
  NLM_F_REQUEST,
  RTM_GETNEXTHOP,
  RTM_GETQDISC,
  RTM_NEWNEXTHOP,
  RTM_NEWQDISC,
  TCA_KIND,
} from '../kernel/abi/netlink.ts';
import { NETLINK_XFRM, XFRM_MSG_GETSADINFO, XFRM_MSG_GETSPDINFO } from '../kernel/abi/xfrm.ts';
import { gap, value, type Host, type NamespaceDoor, type NetlinkRequest, type Reading } from '../kernel/host.ts';
import { decodeDump, decodeEach, dumpRequest, tooShort } from '../kernel/netlink/dump.ts';
import { attributeMap, encodeMessage, textOf, view } from '../kernel/netlink/message.ts';
import { decodeText } from '../kernel/text/text.ts';

export interface Beside {
  /** In the plural: `nexthop objects`. */
  readonly what: string;
  /** How many, or which: `3`, `tbf of eth0`. Empty: none. */
  readonly found: Reading<readonly string[]>;
  /** What that means for a replay. */
  readonly why: string;
}

/** `nameOf`: of a link of it. */
export function besidesOf(
  host: Host,
  door: NamespaceDoor | undefined,
  nameOf: (ifindex: number) => string | undefined,
): readonly Beside[] {
  return [
    {
      what: 'nexthop objects',
      found: nexthops(host, door),
      why: 'a replay has the next hops in the routes themselves',
    },
    {
      what: 'queueing disciplines that were set',
      found: disciplines(host, door, nameOf),
      why: 'they, their classes and their filters are not read yet: tc(8) shows them',
    },
    ...ipsec(host, door),
  ];
}

/** What moves by itself, so that two looks differ. */
export function connectionsOf(host: Host, door: NamespaceDoor | undefined): Beside {
  const file = readInside(host, door, '/proc/sys/net/netfilter/nf_conntrack_count');
  const count = file.ok ? decodeText(file.value).trim() : '0';
  return {
    what: 'connections that conntrack knows',
    found: file.ok || file.gap.reason === 'gone' ? value(count === '0' ? [] : [count]) : file,
    why: 'a replay starts without any',
  };
}

export function readInside(host: Host, door: NamespaceDoor | undefined, path: string): Reading<Uint8Array> {
  return door === undefined ? host.readFile(path) : host.readFileInside({ kind: 'net', door, path });
}

function counted(count: number): readonly string[] {
  return count === 0 ? [] : [String(count)];
}

const NHMSG_LENGTH = 8;

function nexthops(host: Host, door: NamespaceDoor | undefined): Reading<readonly string[]> {
  const answer = host.netlink(dumpRequest(RTM_GETNEXTHOP, [new Uint8Array(NHMSG_LENGTH)], door));
  // Since Linux 5.3.
  if (!answer.ok) return answer.gap.errno === 'EOPNOTSUPP' ? value([]) : answer;
  const messages = decodeDump(answer.value, 'nexthop objects');
  if (!messages.ok) return messages;
  return value(counted(messages.value.filter(({ type }) => type === RTM_NEWNEXTHOP).length));
}

/** struct tcmsg: family, index of the link, handle, parent, info. */
const TCMSG_LENGTH = 20;
const [INDEX_AT, HANDLE_AT] = [4, 8];

/** Those that the kernel gives a link by itself have no handle. */
function disciplines(
  host: Host,
  door: NamespaceDoor | undefined,
  nameOf: (ifindex: number) => string | undefined,
): Reading<readonly string[]> {
  const answer = host.netlink(dumpRequest(RTM_GETQDISC, [new Uint8Array(TCMSG_LENGTH)], door));
  // A kernel without traffic control.
  if (!answer.ok) return answer.gap.errno === 'EOPNOTSUPP' ? value([]) : answer;
  const found = decodeEach(answer.value, RTM_NEWQDISC, 'queueing disciplines', (body, what) => {
    if (body.length < TCMSG_LENGTH) return tooShort(body, what);
    const attributes = attributeMap(body.subarray(TCMSG_LENGTH), what);
    if (!attributes.ok) return attributes;
    const link = nameOf(view(body).getUint32(INDEX_AT, true));
    const isSet = view(body).getUint32(HANDLE_AT, true) !== 0;
    return value(isSet && link !== undefined ? `${textOf(attributes.value.get(TCA_KIND)) ?? '?'} of ${link}` : null);
  });
  return found.ok ? value(found.value.filter((each) => each !== null)) : found;
}

/** The protocol stands behind the address of a socket. */
const NETLINK_SOCKET = /^[^\s]+\s+6\s+0\s/m;

/** Only counted: what lists associations tells their keys, too. Asking would load a module where nobody did yet. */
function ipsec(host: Host, door: NamespaceDoor | undefined): readonly Beside[] {
  const sockets = readInside(host, door, '/proc/thread-self/net/netlink');
  if (sockets.ok && !NETLINK_SOCKET.test(decodeText(sockets.value))) return [];
  const why = 'IPsec is not read: ip xfrm shows it';
  const ask = (type: number, parse: (count: Uint8Array) => number): Reading<readonly string[]> => {
    const counts = sockets.ok ? host.netlink(xfrmRequest(type, door)) : sockets;
    if (!counts.ok) return counts;
    const messages = decodeDump(counts.value, 'IPsec');
    if (!messages.ok) return messages;
    const [message] = messages.value;
    const attributes = attributeMap(message?.body.subarray(FLAGS_LENGTH) ?? new Uint8Array(), 'IPsec');
    if (!attributes.ok) return attributes;
    const count = attributes.value.get(COUNTS);
    if (count === undefined || count.length < 4) return gap({ reason: 'malformed', what: 'IPsec' });
    return value(counted(parse(count)));
  };
  const at = (bytes: Uint8Array, offset: number): number =>
    bytes.length < offset + 4 ? 0 : view(bytes).getUint32(offset, true);
  return [
    { what: 'associations of IPsec', found: ask(XFRM_MSG_GETSADINFO, (count) => at(count, 0)), why },
    // In, out, forwarded; those of sockets are not counted.
    {
      what: 'policies of IPsec',
      found: ask(XFRM_MSG_GETSPDINFO, (count) => at(count, 0) + at(count, 4) + at(count, 8)),
      why,
    },
  ];
}

const FLAGS_LENGTH = 4;
/** XFRMA_SAD_CNT and XFRMA_SPD_INFO. */
const COUNTS = 1;

function xfrmRequest(type: number, namespace: NamespaceDoor | undefined): NetlinkRequest {
  const message = encodeMessage(type, NLM_F_REQUEST, [new Uint8Array(FLAGS_LENGTH).fill(0xff)]);
  return { protocol: NETLINK_XFRM, message, ...(namespace === undefined ? {} : { namespace }) };
}

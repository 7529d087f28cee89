// A packet as a firewall sees it. What is not known of it is null: what a rule asks of that is answered by "possibly".

/** Of arp the addresses are those that are asked for and asked by; ports and states mean nothing. */
export type PacketFamily = 'ip' | 'ip6' | 'arp';

/** Source: ip-conntrack's states as `ct state` of nft(8) has them. */
export type ConnectionState = 'new' | 'established' | 'related' | 'invalid' | 'untracked';

/** One end of a connection, as its first packet had it. */
export interface PacketEnds {
  readonly source: string;
  readonly destination: string;
  /** Absent (null): not known, or icmp. */
  readonly sport: number | null;
  readonly dport: number | null;
}

export interface Packet extends PacketEnds {
  readonly family: PacketFamily;
  /** icmp of IPv6 is ICMPv6. */
  readonly protocol: 'icmp' | 'tcp' | 'udp';
  /** Of ICMPv6: who has an address is asked for, or told. Absent (null): icmp is a ping. */
  readonly neighbour: 'solicit' | 'advert' | null;
  /** The name of the interface that it came in by. Absent (null): it is made here. In the bridge's hooks the port. */
  readonly iif: string | null;
  /** Absent (null): it is for this namespace, or not routed yet. In the bridge's hooks the port. */
  readonly oif: string | null;
  readonly ctState: ConnectionState;
  /** It goes the way of the connection's first packet, or back. */
  readonly isReply: boolean;
  /** The connection's destination, or source, is not what its first packet had. */
  readonly ctStatus: readonly ('dnat' | 'snat')[];
  /** What the connection's first packet had before NAT. Absent (null): what this one has, turned round for a reply. */
  readonly original: PacketEnds | null;
  /** 0 of one that just came, unless something marks it before. Absent (null): not known. */
  readonly mark: number | null;
  readonly ctMark: number | null;
  /** In the hooks of IP of a frame that a bridge passes on: its ports (br_netfilter). Absent (null): it is routed. */
  readonly ports: { readonly in: string | null; readonly out: string | null } | null;
}

/**
 * Where in a packet's way rules stand. Source: include/uapi/linux/netfilter.h, netfilter_bridge.h. `ingress` and `egress`
 * are an interface's own (family netdev; inet's ingress, too), `bridge ...` what a frame meets that a bridge handles.
 */
export type Hook =
  | 'ingress'
  | 'prerouting'
  | 'input'
  | 'forward'
  | 'output'
  | 'postrouting'
  | 'egress'
  | 'bridge prerouting'
  | 'bridge input'
  | 'bridge forward'
  | 'bridge output'
  | 'bridge postrouting';

/** A new connection's first packet, with what is said of it. */
export function newPacket(
  known: Partial<Packet> & Pick<Packet, 'family' | 'protocol' | 'source' | 'destination'>,
): Packet {
  return {
    sport: null,
    dport: null,
    iif: null,
    oif: null,
    ctState: 'new',
    neighbour: null,
    isReply: false,
    ctStatus: [],
    original: null,
    mark: 0,
    ctMark: 0,
    ports: null,
    ...known,
  };
}

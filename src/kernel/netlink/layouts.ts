// What the messages of rtnetlink consist of, as tables. Source: include/uapi/linux/{if_addr.h,if_bridge.h,if_link.h,
// fib_rules.h,neighbour.h,rtnetlink.h}. The table number of routes and rules is in an attribute, so the byte for it in the
// fixed part is left 0.

import type { Layout, Row } from './layout.ts';

export const ADDRESS_LAYOUT: Layout = {
  what: 'address',
  length: 8,
  slots: [
    ['family', 0, 1],
    ['prefix_length', 1, 1],
    ['scope', 3, 1],
    ['ifindex', 4, 4],
  ],
  rows: [
    ['address', 1, 'ip'],
    ['local', 2, 'ip'],
    ['label', 3, 'text'],
    ['broadcast', 4, 'ip'],
    [
      'lifetimes',
      6,
      {
        struct: [
          ['preferred', 0, 4],
          ['valid', 4, 4],
        ],
        length: 16,
      },
    ],
    ['flags', 8, 'u32'],
    ['priority', 9, 'u32'],
    ['protocol', 11, 'u8'],
  ],
  told: [],
};

/** RTAX_*. */
const METRICS: readonly Row[] = [
  ['lock', 1, 'u32'],
  ['mtu', 2, 'u32'],
  ['window', 3, 'u32'],
  ['rtt', 4, 'u32'],
  ['rttvar', 5, 'u32'],
  ['ssthresh', 6, 'u32'],
  ['cwnd', 7, 'u32'],
  ['advmss', 8, 'u32'],
  ['reordering', 9, 'u32'],
  ['hoplimit', 10, 'u32'],
  ['initcwnd', 11, 'u32'],
  ['features', 12, 'u32'],
  ['rto_min', 13, 'u32'],
  ['initrwnd', 14, 'u32'],
  ['quickack', 15, 'u32'],
  ['congctl', 16, 'text'],
  ['fastopen_no_cookie', 17, 'u32'],
];

const HOP: readonly Row[] = [
  ['gateway', 5, 'ip'],
  ['flow', 11, 'u32'],
  ['via', 18, 'via'],
  ['encap_type', 21, 'u16'],
  ['encap', 22, 'hex'],
];

export const ROUTE_LAYOUT: Layout = {
  what: 'route',
  length: 12,
  slots: [
    ['family', 0, 1],
    ['dst_length', 1, 1],
    ['src_length', 2, 1],
    ['tos', 3, 1],
    ['protocol', 5, 1],
    ['scope', 6, 1],
    ['type', 7, 1],
    ['flags', 8, 4],
  ],
  rows: [
    ['table', 15, 'u32'],
    ['dst', 1, 'ip'],
    ['src', 2, 'ip'],
    ['iif', 3, 'u32'],
    ['oif', 4, 'u32'],
    ['priority', 6, 'u32'],
    ['prefsrc', 7, 'ip'],
    ['metrics', 8, { rows: METRICS }],
    ['nexthops', 9, { hops: HOP }],
    ['pref', 20, 'u8'],
    ['ttl_propagate', 26, 'u8'],
    ['nh_id', 30, 'u32'],
    ...HOP,
  ],
  // RTA_CACHEINFO, RTA_PAD.
  told: [12, 24],
};

const RANGE16 = {
  struct: [
    ['first', 0, 2],
    ['last', 2, 2],
  ],
  length: 4,
} as const;

export const RULE_LAYOUT: Layout = {
  what: 'rule',
  length: 12,
  slots: [
    ['family', 0, 1],
    ['dst_length', 1, 1],
    ['src_length', 2, 1],
    ['tos', 3, 1],
    ['action', 7, 1],
    ['flags', 8, 4],
  ],
  rows: [
    ['priority', 6, 'u32'],
    ['dst', 1, 'ip'],
    ['src', 2, 'ip'],
    ['iif', 3, 'text'],
    ['oif', 17, 'text'],
    ['goto', 4, 'u32'],
    ['fwmark', 10, 'u32'],
    ['fwmask', 16, 'u32'],
    ['flow', 11, 'u32'],
    ['tun_id', 12, 'hex'],
    ['suppress_ifgroup', 13, 'u32'],
    ['suppress_prefix_length', 14, 'u32'],
    ['table', 15, 'u32'],
    ['l3mdev', 19, 'u8'],
    [
      'uid_range',
      20,
      {
        struct: [
          ['first', 0, 4],
          ['last', 4, 4],
        ],
        length: 8,
      },
    ],
    ['protocol', 21, 'u8'],
    ['ip_protocol', 22, 'u8'],
    ['sport_range', 23, RANGE16],
    ['dport_range', 24, RANGE16],
    ['dscp', 25, 'u8'],
    ['flow_label', 26, 'hex'],
    ['flow_label_mask', 27, 'hex'],
    ['sport_mask', 28, 'u16'],
    ['dport_mask', 29, 'u16'],
    ['dscp_mask', 30, 'u8'],
  ],
  // FRA_PAD.
  told: [18],
};

export const NEIGHBOUR_LAYOUT: Layout = {
  what: 'neighbour',
  length: 12,
  slots: [
    ['family', 0, 1],
    ['ifindex', 4, 4],
    ['state', 8, 2],
    ['flags', 10, 1],
    ['type', 11, 1],
  ],
  rows: [
    ['dst', 1, 'ip'],
    ['lladdr', 2, 'mac'],
    ['vlan', 5, 'u16'],
    ['port', 6, 'be16'],
    ['vni', 7, 'u32'],
    ['via', 8, 'u32'],
    ['src_vni', 11, 'u32'],
    ['protocol', 12, 'u8'],
    ['flags_ext', 15, 'u32'],
  ],
  // NDA_CACHEINFO, NDA_PROBES, NDA_MASTER, NDA_LINK_NETNSID.
  told: [3, 4, 9, 10],
};

/** What a link of a kind is made of (IFLA_INFO_DATA): what can be told in the message that makes one. */
const KIND_ROWS: Readonly<Record<string, readonly Row[]>> = {
  bridge: [
    ['forward_delay', 1, 'u32'],
    ['hello_time', 2, 'u32'],
    ['max_age', 3, 'u32'],
    ['ageing_time', 4, 'u32'],
    ['stp_state', 5, 'u32'],
    ['priority', 6, 'u16'],
    ['vlan_filtering', 7, 'u8'],
    ['vlan_protocol', 8, 'be16'],
    ['group_fwd_mask', 9, 'u16'],
    ['mcast_router', 22, 'u8'],
    ['mcast_snooping', 23, 'u8'],
    ['mcast_query_use_ifaddr', 24, 'u8'],
    ['mcast_querier', 25, 'u8'],
    ['mcast_hash_max', 27, 'u32'],
    ['mcast_last_member_count', 28, 'u32'],
    ['mcast_startup_query_count', 29, 'u32'],
    ['mcast_last_member_interval', 30, 'u64'],
    ['mcast_membership_interval', 31, 'u64'],
    ['mcast_querier_interval', 32, 'u64'],
    ['mcast_query_interval', 33, 'u64'],
    ['mcast_query_response_interval', 34, 'u64'],
    ['mcast_startup_query_interval', 35, 'u64'],
    ['nf_call_iptables', 36, 'u8'],
    ['nf_call_ip6tables', 37, 'u8'],
    ['nf_call_arptables', 38, 'u8'],
    ['vlan_default_pvid', 39, 'u16'],
    ['vlan_stats', 41, 'u8'],
    ['mcast_stats', 42, 'u8'],
    ['mcast_igmp_version', 43, 'u8'],
    ['mcast_mld_version', 44, 'u8'],
    ['vlan_stats_per_port', 45, 'u8'],
  ],
  dummy: [],
  veth: [],
  vlan: [
    ['id', 1, 'u16'],
    [
      'flags',
      2,
      {
        struct: [
          ['flags', 0, 4],
          ['mask', 4, 4],
        ],
        length: 8,
      },
    ],
    ['egress_qos', 3, 'hex'],
    ['ingress_qos', 4, 'hex'],
    ['protocol', 5, 'be16'],
  ],
  macvlan: [
    ['mode', 1, 'u32'],
    ['flags', 2, 'u16'],
    ['broadcast_queue_length', 7, 'u32'],
  ],
  ipvlan: [
    ['mode', 1, 'u16'],
    ['flags', 2, 'u16'],
  ],
  vrf: [['table', 1, 'u32']],
  vxlan: [
    ['id', 1, 'u32'],
    ['group', 2, 'ip'],
    ['link', 3, 'u32'],
    ['local', 4, 'ip'],
    ['ttl', 5, 'u8'],
    ['tos', 6, 'u8'],
    ['learning', 7, 'u8'],
    ['ageing', 8, 'u32'],
    ['limit', 9, 'u32'],
    ['port_range', 10, 'hex'],
    ['proxy', 11, 'u8'],
    ['rsc', 12, 'u8'],
    ['l2miss', 13, 'u8'],
    ['l3miss', 14, 'u8'],
    ['port', 15, 'be16'],
    ['group6', 16, 'ip'],
    ['local6', 17, 'ip'],
    ['udp_csum', 18, 'u8'],
    ['udp_zero_csum6_tx', 19, 'u8'],
    ['udp_zero_csum6_rx', 20, 'u8'],
    ['gbp', 23, 'flag'],
    ['collect_metadata', 25, 'u8'],
    ['label', 26, 'be32'],
    ['gpe', 27, 'flag'],
    ['df', 29, 'u8'],
  ],
};

/** undefined: of such a link nothing can be told. */
export function kindRows(kind: string | null): readonly Row[] | undefined {
  return kind !== null && Object.hasOwn(KIND_ROWS, kind) ? KIND_ROWS[kind] : undefined;
}

/** What a port of a bridge is told (IFLA_INFO_SLAVE_DATA). Its state and cost are the bridge's to find. */
export const BRIDGE_PORT_ROWS: readonly Row[] = [
  ['priority', 2, 'u16'],
  ['hairpin', 4, 'u8'],
  ['guard', 5, 'u8'],
  ['protect', 6, 'u8'],
  ['fast_leave', 7, 'u8'],
  ['learning', 8, 'u8'],
  ['unicast_flood', 9, 'u8'],
  ['proxy_arp', 10, 'u8'],
  ['proxy_arp_wifi', 12, 'u8'],
  ['multicast_router', 25, 'u8'],
  ['mcast_flood', 27, 'u8'],
  ['mcast_to_unicast', 28, 'u8'],
  ['vlan_tunnel', 29, 'u8'],
  ['bcast_flood', 30, 'u8'],
  ['group_fwd_mask', 31, 'u16'],
  ['neigh_suppress', 32, 'u8'],
  ['isolated', 33, 'u8'],
  ['locked', 39, 'u8'],
];

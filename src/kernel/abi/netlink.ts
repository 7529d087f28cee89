// Sources: include/uapi/linux/{netlink.h,rtnetlink.h,net_namespace.h}.

export const NETLINK_ROUTE = 0;

export const NETLINK_SOCK_DIAG = 4;

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 1;
/** Answer with an errno, also where it is none. */
export const NLM_F_ACK = 4;
/** What was listed changed meanwhile: some of it may be missing or listed twice. Since: Linux 3.1. */
export const NLM_F_DUMP_INTR = 0x10;
/** NLM_F_ROOT and NLM_F_MATCH: all of it. */
export const NLM_F_DUMP = 0x300;

/** Of what is made: in place of what is there. */
export const NLM_F_REPLACE = 0x100;
/** Of what is made: that it is not there yet; make it if it is not. */
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
/** Of an errno: the request is not repeated after it; a text follows. Since: Linux 4.12. */
export const NLM_F_CAPPED = 0x100;
export const NLM_F_ACK_TLVS = 0x200;
export const NLMSGERR_ATTR_MSG = 1;
/** An attribute's body is attributes. */
export const NLA_F_NESTED = 0x8000;

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;
export const RTM_NEWNEIGH = 28;
export const RTM_GETNEIGH = 30;
export const RTM_NEWRULE = 32;
export const RTM_GETRULE = 34;
export const RTM_NEWQDISC = 36;
export const RTM_DELQDISC = 37;
export const RTM_GETQDISC = 38;
/** Of a queueing discipline its kind: `tbf`. Source: include/uapi/linux/rtnetlink.h. */
export const TCA_KIND = 1;
export const TCA_OPTIONS = 2;
/** The parent of the one that all packets of a link go through. */
export const TC_H_ROOT = 0xffff_ffff;
export const RTM_NEWNSID = 88;
export const RTM_GETNSID = 90;
/** Next hops that routes have in common. Since: Linux 5.3. */
export const RTM_NEWNEXTHOP = 104;
export const RTM_GETNEXTHOP = 106;

export const NETNSA_NSID = 1;
export const NETNSA_FD = 3;

/** The id that the kernel gives when the caller's namespace has none for the other. */
export const NETNSA_NSID_NOT_ASSIGNED = -1;

/** Attributes of links. Source: include/uapi/linux/if_link.h. */
export const IFLA_ADDRESS = 1;
export const IFLA_IFNAME = 3;
export const IFLA_MTU = 4;
export const IFLA_LINK = 5;
export const IFLA_MASTER = 10;
export const IFLA_QDISC = 6;
export const IFLA_OPERSTATE = 16;
export const IFLA_LINKINFO = 18;
export const IFLA_IFALIAS = 20;
export const IFLA_STATS64 = 23;
/** A number that links have in common; ours is in network-plan.ts. */
export const IFLA_GROUP = 27;
export const IFLA_NET_NS_FD = 28;
export const IFLA_EXT_MASK = 29;
export const IFLA_CARRIER = 33;
export const IFLA_LINK_NETNSID = 37;
/** A program of BPF at the link itself: an attribute that says how it is attached, 0 for not at all. Since: Linux 4.8. */
export const IFLA_XDP = 43;
export const IFLA_XDP_ATTACHED = 2;
/** In a request: the link is meant of the namespace that the asked one calls so. Since: Linux 4.15. */
export const IFLA_TARGET_NETNSID = 46;
/** The other names of a link, each an IFLA_ALT_IFNAME. Since: Linux 5.5. */
export const IFLA_PROP_LIST = 52;
export const IFLA_ALT_IFNAME = 53;
/** Of hardware what it is on: `0000:00:03.0`, `virtio0`. Since: Linux 5.14. */
export const IFLA_PARENT_DEV_NAME = 56;
export const IFLA_INFO_KIND = 1;
export const IFLA_INFO_DATA = 2;
export const IFLA_INFO_SLAVE_KIND = 4;
export const IFLA_INFO_SLAVE_DATA = 5;
/** Of a port of a bridge. */
export const IFLA_BRPORT_STATE = 1;
/** May a frame go back by the port that it came by? */
export const IFLA_BRPORT_MODE = 4;
export const IFLA_BRPORT_LEARNING = 8;
export const IFLA_BRPORT_UNICAST_FLOOD = 9;
export const IFLA_BRPORT_BCAST_FLOOD = 30;
/** Isolated ports do not reach each other. Since: Linux 4.18. */
export const IFLA_BRPORT_ISOLATED = 33;
/** Only addresses that the bridge knows may send. Since: Linux 5.17. */
export const IFLA_BRPORT_LOCKED = 39;
/** Of a bridge. */
export const IFLA_BR_STP_STATE = 5;
export const IFLA_BR_VLAN_FILTERING = 7;
export const IFLA_BR_NF_CALL_IPTABLES = 36;
export const IFLA_BR_NF_CALL_IP6TABLES = 37;
export const IFLA_BR_NF_CALL_ARPTABLES = 38;
/** Of a port, in a dump for AF_BRIDGE: its networks, each an IFLA_BRIDGE_VLAN_INFO: flags and number. */
export const IFLA_AF_SPEC = 26;
export const IFLA_BRIDGE_VLAN_INFO = 2;
export const BRIDGE_VLAN_INFO_PVID = 2;
export const BRIDGE_VLAN_INFO_UNTAGGED = 4;
export const RTEXT_FILTER_BRVLAN = 2;
/** BR_STATE_*, by number. Source: include/uapi/linux/if_bridge.h. */
export const BRIDGE_PORT_STATES = ['disabled', 'listening', 'learning', 'forwarding', 'blocking'] as const;
export const IFLA_VLAN_ID = 1;
export const IFLA_VXLAN_ID = 1;
export const IFLA_VXLAN_GROUP = 2;
export const IFLA_VXLAN_LINK = 3;
export const IFLA_VXLAN_LOCAL = 4;
/** In network byte order. */
export const IFLA_VXLAN_PORT = 15;
export const IFLA_VXLAN_GROUP6 = 16;
export const IFLA_VXLAN_LOCAL6 = 17;
export const IFLA_MACVLAN_MODE = 1;
export const IFLA_IPVLAN_MODE = 1;
/** Of a veth: the other end, a struct ifinfomsg and attributes of links. */
export const VETH_INFO_PEER = 1;
/** Of a tun device: since Linux 4.17. */
export const IFLA_TUN_TYPE = 3;
export const IFF_TAP = 2;
/** Leaves out IPv6's counters, which are half of a message; those of IFLA_STATS64 stay. Source: include/uapi/linux/rtnetlink.h. Since: Linux 4.4. */
export const RTEXT_FILTER_SKIP_STATS = 8;

/** Source: include/uapi/linux/if.h. */
export const IFF_UP = 1;

/** IF_OPER_*, by number. Source: include/uapi/linux/if.h. */
export const OPERSTATES = ['UNKNOWN', 'NOTPRESENT', 'DOWN', 'LOWERLAYERDOWN', 'TESTING', 'DORMANT', 'UP'] as const;

/** Attributes of addresses. Source: include/uapi/linux/if_addr.h. */
export const IFA_ADDRESS = 1;
export const IFA_LOCAL = 2;
export const IFA_LABEL = 3;
export const IFA_FLAGS = 8;

/** Of an address: it is not looked for elsewhere before it counts. */
export const IFA_F_NODAD = 2;

/** Attributes of routes. Source: include/uapi/linux/rtnetlink.h. */
export const RTA_DST = 1;
export const RTA_SRC = 2;
export const RTA_IIF = 3;
export const RTA_OIF = 4;
export const RTA_GATEWAY = 5;
export const RTA_PRIORITY = 6;
export const RTA_PREFSRC = 7;
export const RTA_METRICS = 8;
export const RTA_MULTIPATH = 9;
export const RTA_TABLE = 15;
export const RTA_MARK = 16;
export const RTA_VIA = 18;
export const RTA_ENCAP_TYPE = 21;
/** Since, as the port: Linux 4.18. */
export const RTA_IP_PROTO = 27;
export const RTA_DPORT = 29;
/** Of a route's metrics: its MTU. */
export const RTAX_MTU = 2;
/** In a question: tell the table that the route was found in. */
export const RTM_F_LOOKUP_TABLE = 0x1000;

/** Attributes of neighbours. Source: include/uapi/linux/neighbour.h. */
export const NDA_DST = 1;
export const NDA_LLADDR = 2;
export const NDA_VLAN = 5;
export const NDA_MASTER = 9;
/** What a neighbour is of that a bridge knows by its link address alone. */
export const AF_BRIDGE = 7;

/** Attributes of policy rules. Source: include/uapi/linux/fib_rules.h. */
export const FRA_DST = 1;
export const FRA_SRC = 2;
export const FRA_IIFNAME = 3;
export const FRA_GOTO = 4;
export const FRA_PRIORITY = 6;
export const FRA_FWMARK = 10;
export const FRA_TUN_ID = 12;
export const FRA_SUPPRESS_IFGROUP = 13;
export const FRA_SUPPRESS_PREFIXLEN = 14;
export const FRA_TABLE = 15;
export const FRA_FWMASK = 16;
export const FRA_OIFNAME = 17;
export const FRA_PAD = 18;
export const FRA_L3MDEV = 19;
export const FRA_UID_RANGE = 20;
export const FRA_PROTOCOL = 21;
export const FRA_IP_PROTO = 22;
export const FRA_SPORT_RANGE = 23;
export const FRA_DPORT_RANGE = 24;
export const FRA_SPORT_MASK = 28;
export const FRA_DPORT_MASK = 29;

/** A flag of a rule: it applies to what does not match. */
export const FIB_RULE_INVERT = 2;

/** Of a route. Source: include/uapi/linux/rtnetlink.h. */
export const RT_TABLE_MAIN = 254;
export const RTPROT_BOOT = 3;
export const RTN_UNICAST = 1;
/** To what is on the link itself. */
export const RT_SCOPE_LINK = 253;

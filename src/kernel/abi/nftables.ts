// Sources: include/uapi/linux/netfilter/{nf_tables.h,nfnetlink.h,nf_conntrack_common.h}, include/uapi/linux/{netfilter.h,netfilter_ipv4.h}.
// Numbers in nf_tables' attributes are in network byte order, unlike those of rtnetlink.

export const NETLINK_NETFILTER = 12;
/** The upper half of the type of its messages. */
export const NFNL_SUBSYS_NFTABLES = 10;
/** struct nfgenmsg: family, version, resource id. */
export const NFGENMSG_LENGTH = 4;

export const NFT_MSG = {
  NEWTABLE: 0,
  GETTABLE: 1,
  NEWCHAIN: 3,
  GETCHAIN: 4,
  NEWRULE: 6,
  GETRULE: 7,
  NEWSET: 9,
  GETSET: 10,
  NEWSETELEM: 12,
  GETSETELEM: 13,
  NEWOBJ: 18,
  GETOBJ: 19,
} as const;

/** NFPROTO_*, by name. */
export const NFPROTO = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 } as const;

export const NFTA_LIST_ELEM = 1;
export const NFTA_TABLE = { NAME: 1, FLAGS: 2, HANDLE: 4, USERDATA: 6, OWNER: 7 } as const;
export const NFT_TABLE_F_DORMANT = 1;
export const NFT_TABLE_F_OWNER = 2;
export const NFTA_CHAIN = {
  TABLE: 1,
  HANDLE: 2,
  NAME: 3,
  HOOK: 4,
  POLICY: 5,
  TYPE: 7,
  COUNTERS: 8,
  USERDATA: 12,
} as const;
export const NFTA_HOOK = { HOOKNUM: 1, PRIORITY: 2, DEV: 3, DEVS: 4 } as const;
export const NFTA_RULE = { TABLE: 1, CHAIN: 2, HANDLE: 3, EXPRESSIONS: 4, USERDATA: 7 } as const;
export const NFTA_SET = {
  TABLE: 1,
  NAME: 2,
  FLAGS: 3,
  KEY_TYPE: 4,
  KEY_LEN: 5,
  DATA_TYPE: 6,
  DATA_LEN: 7,
  DESC: 9,
  HANDLE: 16,
} as const;
export const NFTA_SET_DESC_CONCAT = 2;
export const NFTA_SET_FIELD_LEN = 1;
export const NFT_SET = {
  ANONYMOUS: 1,
  CONSTANT: 2,
  INTERVAL: 4,
  MAP: 8,
  TIMEOUT: 0x10,
  EVAL: 0x20,
  OBJECT: 0x40,
} as const;
export const NFTA_SET_ELEM_LIST = { TABLE: 1, SET: 2, ELEMENTS: 3 } as const;
export const NFTA_SET_ELEM = {
  KEY: 1,
  DATA: 2,
  FLAGS: 3,
  TIMEOUT: 4,
  EXPIRATION: 5,
  USERDATA: 6,
  EXPR: 7,
  OBJREF: 9,
  KEY_END: 10,
  EXPRESSIONS: 11,
} as const;
export const NFT_SET_ELEM_INTERVAL_END = 1;
export const NFT_SET_ELEM_CATCHALL = 2;
export const NFTA_OBJ = { TABLE: 1, NAME: 2, TYPE: 3, DATA: 4 } as const;

export const NFTA_EXPR = { NAME: 1, DATA: 2 } as const;
export const NFTA_DATA = { VALUE: 1, VERDICT: 2 } as const;
export const NFTA_VERDICT = { CODE: 1, CHAIN: 2 } as const;
export const NFTA_IMMEDIATE = { DREG: 1, DATA: 2 } as const;
export const NFTA_BITWISE = { SREG: 1, DREG: 2, LEN: 3, MASK: 4, XOR: 5, OP: 6, DATA: 7, SREG2: 8 } as const;
export const NFTA_BYTEORDER = { SREG: 1, DREG: 2, OP: 3, LEN: 4, SIZE: 5 } as const;
export const NFTA_CMP = { SREG: 1, OP: 2, DATA: 3 } as const;
export const NFTA_RANGE = { SREG: 1, OP: 2, FROM_DATA: 3, TO_DATA: 4 } as const;
export const NFTA_LOOKUP = { SET: 1, SREG: 2, DREG: 3, FLAGS: 5 } as const;
export const NFTA_DYNSET = {
  SET_NAME: 1,
  OP: 3,
  SREG_KEY: 4,
  SREG_DATA: 5,
  TIMEOUT: 6,
  EXPR: 7,
  FLAGS: 9,
  EXPRESSIONS: 10,
} as const;
export const NFTA_PAYLOAD = { DREG: 1, BASE: 2, OFFSET: 3, LEN: 4, SREG: 5 } as const;
export const NFTA_EXTHDR = { DREG: 1, TYPE: 2, OFFSET: 3, LEN: 4, FLAGS: 5, OP: 6, SREG: 7 } as const;
export const NFTA_META = { DREG: 1, KEY: 2, SREG: 3 } as const;
export const NFTA_CT = { DREG: 1, KEY: 2, DIRECTION: 3, SREG: 4 } as const;
export const NFTA_FIB = { DREG: 1, RESULT: 2, FLAGS: 3 } as const;
export const NFTA_RT = { DREG: 1, KEY: 2 } as const;
export const NFTA_SOCKET = { KEY: 1, DREG: 2, LEVEL: 3 } as const;
export const NFTA_NG = { DREG: 1, MODULUS: 2, TYPE: 3, OFFSET: 4 } as const;
export const NFTA_HASH = { SREG: 1, DREG: 2, LEN: 3, MODULUS: 4, SEED: 5, OFFSET: 6, TYPE: 7 } as const;
export const NFTA_LIMIT = { RATE: 1, UNIT: 2, BURST: 3, TYPE: 4, FLAGS: 5 } as const;
export const NFTA_CONNLIMIT = { COUNT: 1, FLAGS: 2 } as const;
export const NFTA_QUOTA = { BYTES: 1, FLAGS: 2, CONSUMED: 4 } as const;
export const NFTA_COUNTER = { BYTES: 1, PACKETS: 2 } as const;
export const NFTA_LAST = { SET: 1, MSECS: 2 } as const;
export const NFTA_LOG = { GROUP: 1, PREFIX: 2, SNAPLEN: 3, QTHRESHOLD: 4, LEVEL: 5, FLAGS: 6 } as const;
export const NFTA_QUEUE = { NUM: 1, TOTAL: 2, FLAGS: 3, SREG_QNUM: 4 } as const;
export const NFTA_REJECT = { TYPE: 1, ICMP_CODE: 2 } as const;
export const NFTA_NAT = {
  TYPE: 1,
  FAMILY: 2,
  REG_ADDR_MIN: 3,
  REG_ADDR_MAX: 4,
  REG_PROTO_MIN: 5,
  REG_PROTO_MAX: 6,
  FLAGS: 7,
} as const;
export const NFTA_MASQ = { FLAGS: 1, REG_PROTO_MIN: 2, REG_PROTO_MAX: 3 } as const;
export const NFTA_REDIR = { REG_PROTO_MIN: 1, REG_PROTO_MAX: 2, FLAGS: 3 } as const;
export const NFTA_OBJREF = { IMM_TYPE: 1, IMM_NAME: 2, SET_SREG: 3, SET_NAME: 4 } as const;
/** The same for NFTA_TARGET_*. Source: nf_tables_compat.h. */
export const NFTA_MATCH = { NAME: 1, REV: 2, INFO: 3 } as const;

/** By number. `iifpvid` ... are of bridges. */
export const NFT_META_KEYS = [
  'length',
  'protocol',
  'priority',
  'mark',
  'iif',
  'oif',
  'iifname',
  'oifname',
  'iiftype',
  'oiftype',
  'skuid',
  'skgid',
  'nftrace',
  'rtclassid',
  'secmark',
  'nfproto',
  'l4proto',
  'ibrname',
  'obrname',
  'pkttype',
  'cpu',
  'iifgroup',
  'oifgroup',
  'cgroup',
  'random',
  'ipsec',
  'iifkind',
  'oifkind',
  'ibrpvid',
  'ibrvproto',
  'time',
  'day',
  'hour',
  'sdif',
  'sdifname',
  'broute',
] as const;

export const NFT_CT_KEYS = [
  'state',
  'direction',
  'status',
  'mark',
  'secmark',
  'expiration',
  'helper',
  'l3proto',
  'saddr',
  'daddr',
  'protocol',
  'proto-src',
  'proto-dst',
  'label',
  'packets',
  'bytes',
  'avgpkt',
  'zone',
  'event',
  'ip saddr',
  'ip daddr',
  'ip6 saddr',
  'ip6 daddr',
  'id',
] as const;

export const NFT_RT_KEYS = ['classid', 'ip nexthop', 'ip6 nexthop', 'mtu', 'ipsec'] as const;
export const NFT_SOCKET_KEYS = ['transparent', 'mark', 'wildcard', 'cgroupv2'] as const;
export const NFT_EXTHDR_OPS = ['ipv6', 'tcp', 'ipv4', 'sctp', 'dccp'] as const;
/** By bit. */
export const NFT_FIB_FLAGS = ['saddr', 'daddr', 'mark', 'iif', 'oif', 'present'] as const;

/** Of a limit, a lookup, a quota ...: it holds where it would not. */
export const NFT_F_INVERTED = 1;

// What nftables is asked to change, and where in a packet's way. Sources: include/uapi/linux/netfilter/{nfnetlink.h,nf_tables.h,
// nf_nat.h,nf_conntrack_common.h}, include/uapi/linux/{netfilter.h,netfilter_ipv4.h,netlink.h,rtnetlink.h}.

export const NFNL_MSG_BATCH_BEGIN = 16;
export const NFNL_MSG_BATCH_END = 17;

export const NFT_MSG_NEWTABLE = 0;
export const NFT_MSG_DELTABLE = 2;
export const NFT_MSG_NEWCHAIN = 3;
export const NFT_MSG_NEWRULE = 6;
export const NFT_MSG_DELRULE = 8;

/** At the end of its chain, and not at its beginning. */
export const NLM_F_APPEND = 0x800;

export const NFPROTO_UNSPEC = 0;

export const NF_INET_PRE_ROUTING = 0;
export const NF_INET_LOCAL_OUT = 3;
export const NF_INET_POST_ROUTING = 4;
export const NF_IP_PRI_RAW = -300;
export const NF_IP_PRI_NAT_DST = -100;
export const NF_IP_PRI_NAT_SRC = 100;

export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NFT_RETURN = -5;

/** Registers: that of the verdict, and two of 16 bytes each. */
export const NFT_REG_VERDICT = 0;
export const NFT_REG_1 = 1;
export const NFT_REG_2 = 2;

export const NFT_PAYLOAD_NETWORK_HEADER = 1;
export const NFT_PAYLOAD_TRANSPORT_HEADER = 2;
export const NFT_CMP_EQ = 0;
export const NFT_CMP_NEQ = 1;
export const NFT_FIB_RESULT_ADDRTYPE = 3;
export const NFTA_FIB_F_DADDR = 2;
export const RTN_LOCAL = 2;
/** Of a connection: its destination was translated. */
export const IPS_DST_NAT = 0x20;
export const NFT_NAT_DNAT = 1;
/** A port is told. */
export const NF_NAT_RANGE_PROTO_SPECIFIED = 2;

/** Of a rule with tests of xtables. */
export const NFTA_RULE_COMPAT = 5;
export const NFTA_RULE_COMPAT_PROTO = 1;
export const NFTA_RULE_COMPAT_FLAGS = 2;

/** Userdata of rules, tables and chains: type, length, text with a NUL. Source: libnftnl/udata.h. */
export const NFTNL_UDATA_COMMENT = 0;

// Sources: include/uapi/linux/{netlink.h,rtnetlink.h,net_namespace.h}.

export const NETLINK_ROUTE = 0;

export const NLMSG_ERROR = 2;
export const NLM_F_REQUEST = 1;

export const RTM_NEWNSID = 88;
export const RTM_GETNSID = 90;

export const NETNSA_NSID = 1;
export const NETNSA_FD = 3;

/** The id that the kernel gives when the caller's namespace has none for the other. */
export const NETNSA_NSID_NOT_ASSIGNED = -1;

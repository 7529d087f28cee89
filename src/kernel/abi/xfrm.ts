// Source: include/uapi/linux/{netlink.h,xfrm.h}.

export const NETLINK_XFRM = 6;

/** How many security associations, and how many policies, there are. Since: Linux 2.6.23. */
export const XFRM_MSG_GETSADINFO = 0x23;
export const XFRM_MSG_GETSPDINFO = 0x25;

// sock_diag(7): the sockets of a network namespace, asked of the kernel. Sources: include/uapi/linux/{sock_diag.h,
// inet_diag.h,unix_diag.h,packet_diag.h,netlink_diag.h}, include/net/tcp_states.h, include/linux/socket.h.

export const SOCK_DIAG_BY_FAMILY = 20;

export const AF_UNIX = 1;
export const AF_INET = 2;
export const AF_INET6 = 10;
export const AF_NETLINK = 16;
export const AF_PACKET = 17;

export const IPPROTO_TCP = 6;
export const IPPROTO_UDP = 17;

export const TCP_TIME_WAIT = 6;
export const TCP_CLOSE = 7;
export const TCP_LISTEN = 10;
export const TCP_NEW_SYN_RECV = 12;

/** struct inet_diag_req_v2, inet_diag_msg. */
export const INET_DIAG_REQ_LENGTH = 56;
export const INET_DIAG_MSG_LENGTH = 72;
/** struct unix_diag_req, unix_diag_msg. */
export const UNIX_DIAG_REQ_LENGTH = 24;
export const UNIX_DIAG_MSG_LENGTH = 16;
/** What to tell of unix sockets, and its attributes. */
export const UDIAG_SHOW_NAME = 1;
/** Since: Linux 5.3. */
export const UDIAG_SHOW_UID = 0x40;
export const UNIX_DIAG_NAME = 0;
export const UNIX_DIAG_UID = 7;
/** struct packet_diag_req, packet_diag_msg. */
export const PACKET_DIAG_REQ_LENGTH = 20;
export const PACKET_DIAG_MSG_LENGTH = 16;
/** What to tell of packet sockets, and its attributes. */
export const PACKET_SHOW_INFO = 1;
export const PACKET_DIAG_INFO = 0;
export const PACKET_DIAG_UID = 5;
/** struct netlink_diag_req, netlink_diag_msg. */
export const NETLINK_DIAG_REQ_LENGTH = 20;
export const NETLINK_DIAG_MSG_LENGTH = 28;
/** Every protocol of AF_NETLINK. */
export const NDIAG_PROTO_ALL = 255;
/** Of a socket of IPv6 that waits: does it take no IPv4? Since: Linux 4.0. */
export const INET_DIAG_SKV6ONLY = 11;

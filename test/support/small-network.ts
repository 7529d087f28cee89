// A network namespace with something of everything that the codec of netlink decodes, in a mount namespace of its own. Addresses are of the ranges for
// documentation (RFC 5737, RFC 3849).

import { startReady, type Started } from './start-ready.ts';

const SET_UP = `
  ip link set lo up
  ip link add br0 address 02:00:00:00:00:01 type bridge
  ip link add port0 address 02:00:00:00:00:02 type veth peer name end0 address 02:00:00:00:00:03
  ip link set port0 master br0 up
  ip link set end0 up alias 'the other end'
  ip link set br0 up
  ip addr add 192.0.2.1/24 dev br0
  ip addr add 198.51.100.1 peer 198.51.100.2 dev end0
  ip addr add 2001:db8::1/64 dev br0 nodad
  ip route add 203.0.113.0/25 via 192.0.2.9 metric 7
  ip route add 203.0.113.128/25 nexthop via 192.0.2.9 weight 2 nexthop via 198.51.100.2 dev end0
  ip route add blackhole 192.0.2.200
  ip route add default via inet6 2001:db8::9 dev br0
  ip -6 route add 2001:db8:1::/48 via 2001:db8::9
  ip -6 route add unreachable 2001:db8:2::/48
  ip route add 10.70.0.0/16 via 192.0.2.9 table 100
  ip -6 route add 2001:db8:5::/64 encap seg6 mode encap segs 2001:db8::9 dev br0 || :
  ip rule add from 10.0.0.0/8 table 100 priority 50
  ip rule add fwmark 1/3 uidrange 0-5 ipproto tcp dport 22 iif br0 table 1000 priority 60
  ip rule add not to 203.0.113.0/24 prohibit priority 70
  ip rule add tos 0x10 goto 32766 priority 80
  ip rule add lookup main suppress_prefixlength 0 priority 90
  ip -6 rule add from 2001:db8::/32 oif br0 table 100 priority 50
  ip tuntap add tap0 mode tap || :
  mount -t tmpfs tmpfs /mnt
  touch '/mnt/a name'
  mount --bind /proc/self/ns/net '/mnt/a name'
  exec python3 -c '
import socket, time
kept = [socket.socket(family, kind) for family in (socket.AF_INET, socket.AF_INET6) for kind in (1, 2)]
for one in kept:
    if one.family == socket.AF_INET6: one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind(("::" if one.family == socket.AF_INET6 else "192.0.2.1", 8080))
    if one.type == 1: one.listen()
kept.append(socket.socket(socket.AF_PACKET, 3, 3 << 8))
kept.append(socket.socket(socket.AF_UNIX)); kept[-1].bind("\\0nstool-test"); kept[-1].listen()
kept.append(socket.socket(socket.AF_NETLINK, 3, 0)); kept[-1].bind((0, 0))
print("ready", flush=True)
time.sleep(10000)'`;

export function makeSmallNetwork(): Promise<Started> {
  return startReady(['unshare', '--net', '--mount', 'sh', '-ec', SET_UP], {
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
  });
}

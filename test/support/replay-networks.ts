// Networks to be taken down in a snapshot, made by others' programs, and all that those see of one. Addresses are of the
// ranges for documentation (RFC 5737, RFC 3849) and private ones.

/** A machine of production: two IPv4 addresses and one of IPv6, routes of two tables, nftables with sets, settings. */
export const PRODUCTION = `
ip netns add prod
ip link add br0 type bridge
ip addr add 10.7.0.1/24 dev br0
ip link set br0 up
ip link add vethp master br0 type veth peer name eth0 netns prod
ip link set vethp mtu 1450 up
ip -n prod link set lo up
ip netns exec prod sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.eth0.accept_dad=0 net.ipv6.conf.eth0.addr_gen_mode=0
ip -n prod link set eth0 mtu 1450 txqueuelen 500 up
ip -n prod link set eth0 alias 'the uplink'
ip -n prod link property add dev eth0 altname a-long-name-of-the-uplink
ip -n prod addr add 10.7.0.2/24 dev eth0
ip -n prod addr add 10.7.0.3/24 dev eth0 label eth0:x
ip -n prod addr add 2001:db8:7::2/64 dev eth0 nodad
ip -n prod route add default via 10.7.0.1 mtu 1400 metric 50
ip -n prod route add blackhole 192.0.2.0/24
ip -n prod route add 198.51.100.0/24 via 10.7.0.9 table 100
ip -n prod rule add from 10.7.0.3 table 100 priority 500
ip -n prod neigh add 10.7.0.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent
ip netns exec prod sysctl -qw net.ipv4.tcp_keepalive_time=600 net.ipv4.conf.eth0.rp_filter=2 net.ipv6.conf.all.forwarding=1
mkdir -p /etc/netns/prod
echo nameserver 10.7.0.53 > /etc/netns/prod/resolv.conf
echo 10.7.0.8 db.internal > /etc/netns/prod/hosts
ip netns exec prod nft -f - <<'END'
table inet fw {
  set bad { type ipv4_addr; flags interval; elements = { 203.0.113.0/25, 198.51.100.7, 192.0.2.5-192.0.2.77 } }
  set ports { type inet_service; elements = { 22, 80, 443 } }
  map verdicts { type ipv4_addr : verdict; elements = { 10.0.0.1 : drop, 10.0.0.2 : jump other } }
  counter seen { packets 5 bytes 600 }
  chain other { counter packets 3 bytes 7 accept comment "hello there"; }
  chain input { type filter hook input priority 0; policy drop;
    ip saddr @bad drop
    tcp dport { 8080, 9090 } accept
    tcp dport @ports counter name seen accept
    ip saddr vmap @verdicts
    ct state established,related accept
    iif eth0 ip saddr 10.7.0.0/24 icmp type echo-request limit rate 5/second accept
    ip6 nexthdr icmpv6 accept
    tcp dport vmap { 1 : accept, 2 : jump other }
    ip daddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 443 } log prefix "x" accept
    meta l4proto 6 jump { ip saddr 10.9.9.9 drop; counter; }
  }
}
table ip nat { chain post { type nat hook postrouting priority 100;
  ip saddr 10.7.0.0/24 oifname "eth0" masquerade; ip daddr 10.9.9.9 snat to 10.7.0.3; }; }
END
nft -f - <<'END'
table ip hostnat { chain post { type nat hook postrouting priority 100; ip saddr 10.7.0.0/24 oifname != "br0" masquerade; }; }
END`;

/** A machine with a bridge of three ports, whose other ends are somebody else's, and links, routes and rules of many sorts. */
export const BRIDGED = `
ip netns add prod
h="ip -n prod"
$h link set lo up
ip netns exec prod sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0 net.ipv6.conf.default.accept_dad=0
$h link add br9 address 02:aa:00:00:00:01 type bridge ageing_time 12345 priority 100
$h addr add 10.8.0.1/24 dev br9
for i in 1 2 3; do
  ip netns add c$i
  $h link add port$i master br9 type veth peer name eth0 netns c$i
  $h link set port$i up
  ip -n c$i link set eth0 up
  ip -n c$i addr add 10.8.0.1$i/24 dev eth0
done
$h link set br9 up
$h link set port2 type bridge_slave hairpin on isolated on learning off
$h link add p0 type veth peer name p1
$h link set p0 up
$h link set p1 up
$h addr add 10.9.0.1/24 dev p0
$h link add mv0 link p0 type macvlan mode private
$h link add vx0 type vxlan id 42 local 10.9.0.1 remote 10.9.0.9 dstport 4789 dev p0
$h addr add 10.66.0.1/32 dev lo
$h route add 10.70.0.0/16 nexthop via 10.8.0.11 weight 2 nexthop via 10.9.0.7 dev p0 weight 3
$h route add 10.71.0.0/16 via 10.70.0.5 onlink dev p0
$h route add local 10.99.0.0/16 dev lo
$h -6 addr add 2001:db8:9::1/64 dev p0 nodad
$h -6 route add 2001:db8:10::/48 nexthop via 2001:db8:9::7 nexthop via 2001:db8:9::8
$h -6 route add default via 2001:db8:9::7 metric 77
$h route add 10.72.0.0/16 via inet6 2001:db8:9::7 dev p0
$h rule del pref 32767
$h rule add fwmark 1/3 uidrange 0-5 ipproto tcp dport 22 iif br9 table 1000 priority 60
$h rule add not to 203.0.113.0/24 prohibit priority 70
$h rule add tos 0x10 goto 32766 priority 80
$h rule add lookup main suppress_prefixlength 0 priority 90
$h -6 rule add from 2001:db8::/32 oif br9 table 100 priority 50
$h neigh add proxy 10.8.0.77 dev br9
bridge -n prod fdb add 02:00:00:00:00:77 dev port1 master static
ip netns exec prod sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.br9.proxy_arp=1 net.ipv4.conf.p0.forwarding=0
# Its carrier comes a second after that of its ports, and the address with it.
until $h -6 addr show dev br9 | grep -q fe80; do sleep 0.1; done`;

/** As ip(8), nft(8) and sysctl(8) have it. What moves by itself (timers, learned neighbours) is left out. */
export function seenBy(netns: string): string {
  const ip = `ip -n ${netns}`;
  return `
${ip} -j addr | tr '}' '\\n'; ${ip} -d -o link | sed 's/[a-z_]*timer *[0-9.]*//g'
${ip} -4 -j route show table all | tr '}' '\\n'
${ip} -6 -j route show table all | tr '}' '\\n' | sort
${ip} -j rule; ${ip} -6 -j rule
${ip} -j neigh show nud permanent; ${ip} -j neigh show proxy
bridge -n ${netns} -d link | sed 's/@[a-z0-9]*//;s/state [a-z]*//'
bridge -n ${netns} fdb | grep static
for to in '8.8.8.8' '192.0.2.9' '198.51.100.7 from 10.7.0.3' '10.70.1.1' '10.71.0.1' '2001:db8:10::1'; do ${ip} -o route get $to 2>&1; done
ip netns exec ${netns} nft list ruleset
ip netns exec ${netns} sysctl -a -r '^net' 2>/dev/null | grep -v conntrack_count`;
}

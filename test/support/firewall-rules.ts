// A rule of each sort, as `nft list ruleset` of nftables 1.0.6 writes it.

export const FIREWALL_RULES = String.raw`
table inet t {
  set s1 {
    type ipv4_addr
    flags interval
    elements = { 10.0.0.0/8, 192.168.1.5 }
  }

  map m1 {
    type inet_service : ipv4_addr
    elements = { 80 : 10.0.0.1, 443 : 10.0.0.2 }
  }

  chain other {
    ip saddr 1.2.3.4 return
  }

  chain f {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct state vmap { invalid : drop, established : accept, related : accept }
    iifname "eth0" oifname != "docker0" accept
    iif "lo" accept
    oifname "veth*" counter packets 0 bytes 0 drop
    ip saddr 10.0.0.0/8 ip daddr 10.1.2.3 tcp dport 80 counter packets 0 bytes 0 accept
    ip saddr @s1 drop
    ip saddr != @s1 drop
    ip saddr { 1.1.1.1, 2.2.2.0/24 } accept
    ip6 saddr fe80::/10 accept
    ip6 daddr ::1 drop
    tcp dport { 22, 80, 443 } accept
    tcp dport 1000-2000 accept
    tcp sport != 53 drop
    tcp dport vmap { 80 : jump other, 443 : goto other }
    udp dport 53 reject
    meta l4proto { tcp, udp } accept
    meta l4proto icmp accept
    ip protocol icmp accept
    icmp type echo-request limit rate 5/second accept
    icmp type { echo-reply, echo-request } accept
    icmpv6 type nd-neighbor-solicit accept
    meta mark 0x00000010 accept
    meta mark & 0x00000003 == 0x00000001 accept
    meta mark set 0x00000020
    ct mark set meta mark
    meta mark set ct mark
    tcp flags syn / syn,ack drop
    tcp flags syn / fin,syn drop
    ct status dnat accept
    ct mark 0x00000001 accept
    fib daddr type local accept
    fib saddr . iif oif missing drop
    fib daddr . iif oif exists accept
    meta nfproto ipv6 drop
    meta l4proto tcp reject with tcp reset
    reject with icmpx admin-prohibited
    reject with icmp host-unreachable
    log prefix "drop: "
    log
    limit rate over 10/minute drop
    ip saddr . tcp dport { 10.0.0.1 . 80, 10.0.0.2 . 443 } accept
    iifname . oifname { "a" . "b" } accept
    meta skuid 0 accept
    meta pkttype broadcast drop
    ip dscp cs1 accept
    ip ttl 1 drop
    quota over 1000 bytes drop
    numgen random mod 2 0 drop
    tcp option maxseg size set rt mtu
    ether saddr 00:11:22:33:44:55 accept
    ct count over 5 drop
    jump other
    goto other
    continue
    ct direction original accept
    ct original ip saddr 10.0.0.1 accept
    th dport 53 accept
    th dport 53 accept
    ip frag-off & 8191 != 0 drop
    ip daddr 10.0.0.0-10.0.0.9 drop
    notrack
    iifgroup 5 accept
    ip version 4 accept
    ip length 100-200 drop
    meta cpu 0 accept
    rt classid 5 accept
    exthdr frag exists drop
    ip saddr != 10.0.0.0/8 drop
    tcp dport != { 1, 2 } drop
    ip saddr 10.0.0.1-10.0.0.5 accept
  }

  chain n {
    type nat hook prerouting priority dstnat; policy accept;
    tcp dport 80 dnat ip to 10.0.0.1:8080
    tcp dport 81 dnat ip to 10.0.0.1
    dnat ip to tcp dport map @m1
    tcp dport 82 redirect to :8080-8090
  }

  chain p {
    type nat hook postrouting priority srcnat; policy accept;
    oifname "eth0" masquerade
    snat ip to 1.2.3.4
    snat ip to 1.2.3.4-1.2.3.9 persistent
    masquerade random,fully-random
    tcp dport 80 masquerade to :1024-65535
  }
}
table ip more {
  counter c1 {
    packets 0 bytes 0
  }

  quota q1 {
    over 1000 bytes
  }

  limit l1 {
    rate 5/second
  }

  set dyn {
    type ipv4_addr
    size 65535
    flags dynamic,timeout
    timeout 10s
  }

  set cc {
    type ipv4_addr . inet_service
    flags interval
    elements = { 10.2.0.0/24 . 80-90,
           10.2.0.3 . 53 }
  }

  set ports {
    type inet_proto . inet_service
    elements = { udp . 53,
           tcp . 80 }
  }

  chain f {
    type filter hook forward priority mangle; policy accept;
    counter name "c1" accept
    quota name "q1" drop
    limit name "l1" accept
    tcp dport 80 add @dyn { ip saddr } accept
    update @dyn { ip saddr limit rate over 3/minute } drop
    ip daddr . tcp dport @cc accept
    ip protocol . th dport @ports accept
    ip saddr . ip daddr { 1.1.1.1 . 2.2.2.2 } accept
    ip protocol { tcp, udp } accept
    meta mark != 0x00000005 drop
    ct state ! established drop
    ct state != new drop
    tcp flags ! syn drop
    tcp flags fin,syn accept
    ct mark & 0x000000ff == 0x00000010 accept
    ip daddr != { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 } drop
    tcp dport >= 1024 accept
    tcp dport < 1024 drop
    meta mark { 0x00000001, 0x00000002 } accept
    iifname { "a", "b" } accept
    iifname vmap { "a" : jump x, "b" : drop }
    ct state vmap { established : accept, related : accept }
    ip saddr 10.0.0.1 ip daddr 10.0.0.2 udp sport 5 udp dport 6 accept
    meta length 100-200 accept
    ip saddr vmap { 10.0.0.0/8 : accept, 11.0.0.0-12.0.0.5 : drop }
    udp dport 53 counter packets 0 bytes 0 reject with icmp admin-prohibited
    reject
    log prefix "a b" level info flags all
    log group 5
    limit rate 1 mbytes/second accept
    limit rate 5/second burst 10 packets accept
    tcp dport 22 ct state new limit rate 3/minute accept comment "ssh, slowly"
    fib daddr . iif type { local, broadcast } accept
    fib saddr oif 0 drop
    jhash ip saddr mod 2 0 accept
    numgen inc mod 4 offset 1 2 accept
    meta pkttype { host, broadcast } accept
    ct count 5 accept
    tcp option maxseg size 1-500 drop
    ip id 5 accept
    ip ttl < 5 drop
    icmp type { echo-reply, destination-unreachable } accept
  }

  chain x {
  }

  chain o {
    type nat hook output priority -100; policy accept;
    dnat to 10.0.0.1-10.0.0.4
    ip daddr 1.1.1.1 tcp dport 80 dnat to 2.2.2.2:80-90
    tcp dport 5 redirect
    dnat to ip daddr map { 1.1.1.1 : 2.2.2.2, 3.3.3.0/24 : 4.4.4.4 }
  }
}
table ip6 six {
  chain f {
    type filter hook forward priority filter; policy accept;
    ip6 saddr 2001:db8::/32 tcp dport 80 accept
    icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
    ip6 nexthdr tcp accept
    ip6 hoplimit 255 accept
    reject with icmpv6 admin-prohibited
    reject
    ip6 daddr { ::1, fe80::/10 } drop
    exthdr frag exists drop
  }

  chain n {
    type nat hook prerouting priority dstnat; policy accept;
    tcp dport 80 dnat to [fd00::1]:8080
    dnat to fd00::2
  }
}
table arp aa {
  chain i {
    type filter hook input priority filter; policy accept;
    arp operation request accept
    arp saddr ip 10.0.0.1 drop
    iifname "eth0" arp daddr ip 10.0.0.0/8 drop
  }
}
table bridge bb {
  chain f {
    type filter hook forward priority filter; policy accept;
    ether saddr 00:11:22:33:44:55 drop
    ether type arp accept
    meta protocol ip drop
    ip saddr 10.0.0.1 drop
    tcp dport 80 drop
    ip protocol udp drop
    ip6 daddr fe80::1 drop
  }
}
table netdev dd {
  chain i {
    type filter hook ingress device "lo" priority filter; policy accept;
    ip saddr 10.0.0.1 drop
    udp dport 53 drop
  }
}
`;

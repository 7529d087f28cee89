// Rule sets of every shape, each for the router of firewall-lab.py: l0 and r0 lead to the machines at 10.1.0.2 and
// 10.2.0.2, br0 joins 10.3.0.2 and 10.3.0.3.

export interface FirewallCase {
  readonly name: string;
  readonly rules: string;
  /** Some of what becomes of packets depends on chance, or on what came before. */
  readonly uncertain?: true;
}

/** nft wants a new line before the brace that ends a table, chain or set; here they stand on one. */
function nft(rules: string): string {
  const open: string[] = [];
  const lines = rules.replaceAll(/(?:\b(?:table|chain|set) [^{};]*)?\{|\}/g, (brace) => {
    if (brace !== '}') open.push(brace);
    return brace !== '}' ? brace : open.pop() === '{' ? brace : '\n}\n';
  });
  return `nft -f - <<'EOF'\n${lines}\nEOF\n`;
}

const forward = (rules: string, policy = 'accept'): string =>
  nft(`table inet t { chain f { type filter hook forward priority 0; policy ${policy}; ${rules} } }`);

/** As dockerd 20 to 27 writes them for one bridge with a published port, its interfaces called as here. */
export const DOCKER_RULES = `
iptables -N DOCKER; iptables -N DOCKER-ISOLATION-STAGE-1; iptables -N DOCKER-ISOLATION-STAGE-2; iptables -N DOCKER-USER
iptables -P FORWARD DROP
iptables -A FORWARD -j DOCKER-USER
iptables -A FORWARD -j DOCKER-ISOLATION-STAGE-1
iptables -A FORWARD -o r0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A FORWARD -o r0 -j DOCKER
iptables -A FORWARD -i r0 ! -o r0 -j ACCEPT
iptables -A FORWARD -i r0 -o r0 -j ACCEPT
iptables -A DOCKER -d 10.2.0.2/32 ! -i r0 -o r0 -p tcp -m tcp --dport 80 -j ACCEPT
iptables -A DOCKER-ISOLATION-STAGE-1 -i r0 ! -o r0 -j DOCKER-ISOLATION-STAGE-2
iptables -A DOCKER-ISOLATION-STAGE-1 -j RETURN
iptables -A DOCKER-ISOLATION-STAGE-2 -o br0 -j DROP
iptables -A DOCKER-ISOLATION-STAGE-2 -j RETURN
iptables -A DOCKER-USER -j RETURN
iptables -t nat -N DOCKER
iptables -t nat -A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
iptables -t nat -A POSTROUTING -s 10.2.0.0/16 ! -o r0 -j MASQUERADE
iptables -t nat -A POSTROUTING -s 10.2.0.2/32 -d 10.2.0.2/32 -p tcp -m tcp --dport 80 -j MASQUERADE
iptables -t nat -A DOCKER -i r0 -j RETURN
iptables -t nat -A DOCKER ! -i r0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.2.0.2:80
`;

/** As kube-proxy writes them: a service at 10.96.0.10:80 with two endpoints, one at 10.96.0.11 without any. */
const KUBERNETES = (endpoints: string): string => `
iptables -P FORWARD DROP
for c in KUBE-SERVICES KUBE-MARK-MASQ KUBE-POSTROUTING KUBE-SVC-A KUBE-SEP-1 KUBE-SEP-2 KUBE-NODEPORTS; do iptables -t nat -N $c; done
for c in KUBE-FORWARD KUBE-SERVICES KUBE-FIREWALL; do iptables -N $c; done
iptables -t nat -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
iptables -t nat -A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
iptables -t nat -A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
iptables -t nat -A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
iptables -t nat -A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
iptables -t nat -A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
iptables -t nat -A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
iptables -t nat -A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m comment --comment "default/web cluster IP" -m tcp --dport 80 -j KUBE-SVC-A
iptables -t nat -A KUBE-SERVICES -m comment --comment "kubernetes service nodeports" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
iptables -t nat -A KUBE-NODEPORTS -p tcp -m tcp --dport 30080 -j KUBE-SVC-A
iptables -t nat -A KUBE-SVC-A ! -s 10.2.0.0/16 -d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
${endpoints}
iptables -t nat -A KUBE-SEP-1 -s 10.2.0.2/32 -j KUBE-MARK-MASQ
iptables -t nat -A KUBE-SEP-1 -p tcp -m tcp -j DNAT --to-destination 10.2.0.2:8080
iptables -t nat -A KUBE-SEP-2 -s 10.2.0.3/32 -j KUBE-MARK-MASQ
iptables -t nat -A KUBE-SEP-2 -p tcp -m tcp -j DNAT --to-destination 10.2.0.3:8080
iptables -A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
iptables -A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
iptables -A INPUT -j KUBE-FIREWALL
iptables -A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
iptables -A KUBE-SERVICES -d 10.96.0.11/32 -p tcp -m comment --comment "default/none has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
iptables -A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
iptables -A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
iptables -A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
`;

/** The same commands, of the other iptables. */
export function legacy(commands: string): string {
  return commands.replaceAll(/\b(ip6?tables) /g, '$1-legacy ');
}

export const firewallCases: readonly FirewallCase[] = [
  { name: 'no rules at all', rules: '' },
  { name: 'policy drop', rules: forward('', 'drop') },
  { name: 'a port accepted, the rest dropped', rules: forward('tcp dport 80 accept', 'drop') },
  {
    name: 'an accept in one table does not beat a drop in another',
    rules:
      nft('table ip mine { chain f { type filter hook forward priority -10; policy accept; tcp dport 80 accept; } }') +
      nft('table inet theirs { chain f { type filter hook forward priority 0; policy drop; udp dport 53 accept; } }'),
  },
  {
    name: 'of the same priority, the later table first',
    rules:
      nft('table ip a { chain f { type filter hook forward priority 0; tcp dport 80 drop; } }') +
      nft('table ip b { chain f { type filter hook forward priority 0; tcp dport 80 reject with tcp reset; } }'),
  },
  { name: 'a set of ports', rules: forward('tcp dport { 22, 80, 443 } accept', 'drop') },
  { name: 'a set that must not be', rules: forward('tcp dport != { 80, 443 } drop') },
  { name: 'ranges of ports', rules: forward('tcp dport { 79-81, 1000-2000 } drop; udp dport 50-60 reject') },
  { name: 'one range', rules: forward('udp dport 50-60 drop; tcp dport != 70-90 drop') },
  {
    name: 'nets in a named set',
    rules: nft(`table inet t {
      set bad { type ipv4_addr; flags interval; elements = { 10.2.0.3, 10.1.0.0/31, 192.0.2.0/24 } }
      set bad6 { type ipv6_addr; flags interval; elements = { fd01::/64 } }
      chain f { type filter hook forward priority 0; ip daddr @bad drop; ip6 saddr @bad6 reject; } }`),
  },
  { name: 'a net that is no whole bytes', rules: forward('ip saddr 10.1.0.0/29 drop; ip daddr 10.2.0.3/31 reject') },
  { name: 'all but one source', rules: forward('ip saddr != 10.1.0.2 accept; ip protocol icmp accept; drop') },
  {
    name: 'a concatenation with ranges',
    rules: nft(`table ip t {
      set ok { type ipv4_addr . inet_service; flags interval; elements = { 10.2.0.0/24 . 80-90, 10.2.0.3 . 53 } }
      chain f { type filter hook forward priority 0; policy drop; ip daddr . tcp dport @ok accept; ip daddr . udp dport @ok accept; } }`),
  },
  {
    name: 'a concatenation of interfaces and protocol',
    rules: forward('iifname . oifname . meta l4proto { "l0" . "r0" . tcp, "r0" . "l0" . udp } accept', 'drop'),
  },
  {
    name: 'maps to verdicts',
    rules: nft(`table inet t {
      chain web { accept }
      chain other { udp dport 53 return; drop }
      chain f { type filter hook forward priority 0; policy accept; tcp dport vmap { 80 : jump web, 443 : drop, 1000-2000 : accept }; iifname vmap { "l0" : goto other }; } }`),
  },
  {
    name: 'jump, return, goto',
    rules: nft(`table ip t {
      chain inner { ip protocol icmp return; tcp dport 80 accept; goto last }
      chain last { udp dport 53 return }
      chain f { type filter hook forward priority 0; policy drop; jump inner; udp dport 53 accept; ip protocol icmp reject; } }`),
  },
  {
    name: 'an accept in an inner chain ends the base chain, and no other',
    rules: nft(`table ip t {
      chain inner { accept }
      chain f { type filter hook forward priority 0; jump inner; drop }
      chain g { type filter hook forward priority 10; tcp dport 80 drop; } }`),
  },
  {
    name: 'interfaces by wildcard',
    rules: forward('iifname "l*" oifname "r*" tcp dport 80 accept; iifname "b*" accept', 'drop'),
  },
  { name: 'interfaces by index', rules: forward('iif "l0" oif "r0" tcp dport 80 drop; oif != "r0" drop') },
  {
    name: 'a mark made before',
    rules: nft(`table ip t {
      chain p { type filter hook prerouting priority -150; tcp dport 80 meta mark set 0x10; udp dport 53 meta mark set 0x13; }
      chain f { type filter hook forward priority 0; policy drop; meta mark & 0x3 == 0 meta mark 0x10 accept; meta mark and 0x3 == 0x3 reject; } }`),
  },
  {
    name: 'states',
    rules: forward(
      'ct state established,related accept; ct state new tcp dport 80 accept; ct state invalid drop',
      'drop',
    ),
  },
  { name: 'only answers', rules: forward('ct state new drop') },
  {
    name: 'states by a map',
    rules: forward(
      'ct state vmap { established : accept, related : accept, invalid : drop }; udp dport 53 accept; drop',
    ),
  },
  { name: 'flags of TCP', rules: forward('tcp flags & (fin | syn | rst | ack) == syn drop; tcp flags syn reject') },
  { name: 'types of ICMP', rules: forward('icmp type echo-request drop; icmpv6 type { echo-request } reject') },
  { name: 'families', rules: forward('meta nfproto ipv6 drop; meta l4proto udp reject') },
  {
    name: 'only the other family',
    rules: nft('table ip6 t { chain f { type filter hook forward priority 0; policy drop; } }'),
  },
  {
    name: 'a table that sleeps',
    rules: nft('table ip t { flags dormant; chain f { type filter hook forward priority 0; policy drop; } }'),
  },
  {
    name: 'rejects of each kind',
    rules: forward(
      'tcp dport 80 reject with tcp reset; ip protocol icmp reject with icmp type admin-prohibited; reject',
    ),
  },
  {
    name: 'the router itself',
    rules: nft(
      'table inet t { chain i { type filter hook input priority 0; policy drop; udp dport 53 accept; tcp dport 80 reject with tcp reset; } }',
    ),
  },
  {
    name: 'addresses that are its own',
    rules: nft(
      'table inet t { chain p { type filter hook prerouting priority -300; fib daddr type local udp dport 53 drop; fib daddr type != local tcp dport 80 drop; fib daddr . iif type local accept; } }',
    ),
  },
  {
    name: 'by which interface an address is reached',
    rules: nft(
      'table inet t { chain p { type filter hook prerouting priority -300; fib saddr . iif oif missing drop; fib daddr oif "r0" tcp dport 80 drop; fib daddr oifname "r0" udp dport 53 drop; } }',
    ),
  },
  {
    name: 'a source that is reached by another interface',
    rules: nft(
      'table inet t { chain p { type filter hook prerouting priority -300; iif "l0" fib daddr . iif oif exists drop; iif "l0" fib saddr . iif oif exists meta l4proto udp drop; } }',
    ),
  },
  {
    name: 'raw does not know connections',
    rules: nft(
      'table ip t { chain p { type filter hook prerouting priority -300; ct state new drop; ct state invalid udp dport 53 drop; } }',
    ),
  },
  {
    name: 'not tracked',
    rules: nft(`table ip t {
      chain p { type filter hook prerouting priority -300; udp dport 53 notrack; }
      chain f { type filter hook forward priority 0; policy drop; ct state untracked accept; ct state new tcp dport 80 accept; } }`),
  },
  {
    name: 'the destination is another, and the rules see that',
    rules: nft(`table ip t {
      chain n { type nat hook prerouting priority dstnat; ip daddr 10.1.0.1 tcp dport 8080 dnat to 10.2.0.3:80; ip daddr 10.1.0.1 udp dport 53 dnat to 10.2.0.2; }
      chain f { type filter hook forward priority 0; policy drop; ct status dnat tcp dport 80 accept; ip daddr 10.2.0.2 udp dport 53 ct original ip daddr 10.1.0.1 accept; } }`),
  },
  {
    name: 'the destination by a map',
    rules: nft(`table ip t {
      chain n { type nat hook prerouting priority dstnat; dnat ip to tcp dport map { 8080 : 10.2.0.3 . 80, 443 : 10.2.0.2 . 81 }; } }`),
  },
  {
    name: 'the source is another',
    rules: nft(`table ip t {
      chain n { type nat hook postrouting priority srcnat; oifname "r0" ip protocol udp snat to 10.2.0.9; oifname "r0" masquerade; } }`),
  },
  {
    name: 'to the router itself',
    rules: nft(
      'table inet t { chain n { type nat hook prerouting priority dstnat; tcp dport 80 redirect to :81; } chain i { type filter hook input priority 0; tcp dport 81 drop; } }',
    ),
  },
  {
    name: 'the first NAT counts',
    rules: nft(`table ip a { chain n { type nat hook prerouting priority -90; tcp dport 80 dnat to 10.2.0.3; } }
      table ip b { chain n { type nat hook prerouting priority -101; tcp dport 80 dnat to 10.2.0.2:81; } }
      table ip c { chain f { type filter hook forward priority 0; policy drop; tcp dport 81 accept; } }`),
  },
  {
    name: 'ingress of an interface',
    rules: nft(
      'table netdev t { chain i { type filter hook ingress device "l0" priority 0; policy accept; udp dport 53 drop; ip protocol icmp drop; } }',
    ),
  },
  {
    name: 'chance',
    rules: forward(
      'numgen random mod 2 0 tcp dport 80 drop; limit rate 1/hour burst 1 packets udp dport 53 accept; udp dport 53 drop',
    ),
    uncertain: true,
  },
  {
    name: 'chance between two that are the same',
    rules: forward('numgen random mod 2 vmap { 0 : accept, 1 : accept }', 'drop'),
  },
  {
    name: 'rules about every frame of a bridge',
    rules: nft(
      'table bridge t { chain f { type filter hook forward priority 0; ip protocol udp drop; tcp dport 80 iifname "bl" oifname "brr" drop; } }',
    ),
  },
  {
    name: 'br_netfilter: the bridge obeys IP',
    rules: `echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables; iptables -P FORWARD DROP; iptables -A FORWARD -p udp -j ACCEPT`,
  },
  {
    name: 'br_netfilter off',
    rules: `echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables; iptables -P FORWARD DROP`,
  },
  {
    name: 'br_netfilter of one bridge',
    rules: `echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables; ip link set br0 type bridge nf_call_iptables 1; iptables -P FORWARD DROP`,
  },
  {
    name: 'br_netfilter: ports of the bridge',
    rules: `echo 1 > /proc/sys/net/bridge/bridge-nf-call-iptables; iptables -A FORWARD -m physdev --physdev-in bl --physdev-is-bridged -p tcp -j DROP; iptables -A FORWARD -m physdev ! --physdev-out br+ -p udp -j ACCEPT; iptables -A FORWARD -p udp -j REJECT`,
  },
  { name: "docker's", rules: DOCKER_RULES },
  {
    name: "docker's, with a user's rule",
    rules: `${DOCKER_RULES}\niptables -I DOCKER-USER -i l0 -p tcp -m conntrack --ctorigdstport 8080 --ctdir ORIGINAL -j DROP`,
  },
  { name: 'kube-proxy, one endpoint', rules: KUBERNETES('iptables -t nat -A KUBE-SVC-A -j KUBE-SEP-2') },
  {
    name: 'kube-proxy, two endpoints',
    rules: KUBERNETES(
      'iptables -t nat -A KUBE-SVC-A -m statistic --mode random --probability 0.5 -j KUBE-SEP-1; iptables -t nat -A KUBE-SVC-A -j KUBE-SEP-2',
    ),
  },
  {
    name: 'iptables: many matches',
    rules: `iptables -A FORWARD -p tcp -m multiport --dports 22,79:81 -m comment --comment 'no web' -j REJECT --reject-with tcp-reset; iptables -A FORWARD -p udp -m multiport ! --dports 53 -j DROP; iptables -A FORWARD -p icmp -m icmp --icmp-type 8 -j DROP; iptables -A FORWARD -m iprange --dst-range 10.2.0.3-10.2.0.9 -j DROP`,
  },
  {
    name: 'iptables: marks',
    rules: `iptables -t mangle -A PREROUTING -p tcp -j MARK --set-mark 0x7; iptables -t mangle -A PREROUTING -p udp -j CONNMARK --set-mark 0x3; iptables -t mangle -A FORWARD -j CONNMARK --restore-mark; iptables -A FORWARD -m mark --mark 0x3/0x3 -j DROP; iptables -A FORWARD -m connmark ! --mark 0x3 -p icmp -j DROP`,
  },
  {
    name: 'ip6tables',
    rules: `ip6tables -P FORWARD DROP; ip6tables -A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT; ip6tables -A FORWARD -p icmpv6 -j REJECT; ip6tables -A FORWARD -s fd01::/64 -m conntrack --ctstate NEW -p udp -j ACCEPT`,
  },
  {
    name: 'as ufw begins',
    rules: `ip6tables -A FORWARD -m rt --rt-type 0 -j DROP; ip6tables -A FORWARD -p icmpv6 -m icmp6 --icmpv6-type 128 -j DROP; ip6tables -A FORWARD -m frag -j DROP; iptables -A FORWARD -m addrtype --dst-type BROADCAST -j DROP; iptables -A FORWARD -p esp -j DROP; iptables -A FORWARD -p tcp -m conntrack --ctstate NEW -j ACCEPT; iptables -A FORWARD -p udp -j REJECT`,
  },
  {
    name: 'iptables: raw',
    rules: `iptables -t raw -A PREROUTING -p udp -j CT --notrack; iptables -A FORWARD -m conntrack --ctstate UNTRACKED -j DROP; iptables -A FORWARD -m state --state NEW -p icmp -j REJECT`,
  },
  { name: "docker's, of iptables-legacy", rules: legacy(DOCKER_RULES) },
  { name: 'kube-proxy, of iptables-legacy', rules: legacy(KUBERNETES('iptables -t nat -A KUBE-SVC-A -j KUBE-SEP-1')) },
  {
    name: 'iptables-legacy: addresses, interfaces, protocols',
    rules: legacy(
      `iptables -N inner; iptables -A FORWARD -s 10.1.0.0/29 -d 10.2.0.3 -j DROP; iptables -A FORWARD -i l+ -o r0 -p tcp --dport 80 -j inner; iptables -A FORWARD ! -i l0 -p udp -g inner; iptables -A FORWARD ! -p tcp -j REJECT; iptables -A inner ! -s 10.1.0.2 -j RETURN; iptables -A inner -p tcp -j REJECT --reject-with tcp-reset; iptables -A inner -j REJECT`,
    ),
  },
  {
    name: 'ip6tables-legacy',
    rules: legacy(
      `ip6tables -A FORWARD -s fd01::/64 -i l0 -p tcp -m tcp --dport 80 -j DROP; ip6tables -A FORWARD -p udp -j REJECT; ip6tables -P FORWARD DROP`,
    ),
  },
  {
    name: 'iptables-legacy drops what nftables accepts',
    rules: `${legacy('iptables -A FORWARD -p udp -j DROP')}\n${forward('meta l4proto { tcp, udp } accept', 'drop')}`,
  },
];

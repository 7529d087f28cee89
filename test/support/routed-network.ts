// Two networks with a router between them, on a path that narrows to 1400 bytes, and servers at its far end, good and bad.
// Addresses are of the ranges for documentation (RFC 5737, RFC 3849).

import { startReady, type Started } from './start-ready.ts';

const NEAR = { inet: '192.0.2.2', inet6: '2001:db8:1::2' };
export const FAR = { inet: '198.51.100.2', inet6: '2001:db8:2::2' };
export const ROUTER = { inet: '192.0.2.1', inet6: '2001:db8:1::1' };
export const NARROW = 1400;
/** TCP. */
export const LISTENING = 8080;
/** Name servers: one that knows `good.test`; one that sends a lot of nonsense before the answer; one that only sends that. */
export const NAMES = { good: 53, late: 5300, bad: 5301 };

const SERVERS = `
import socket, threading, time
def name_of(query):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels).lower(), query[12:at + 5]
def answer(query):
    name, question = name_of(query)
    kind = question[-3]
    data = {1: bytes([203, 0, 113, 7]), 28: bytes.fromhex("20010db8000000000000000000000007")}
    known = name == "good.test" and kind in data
    header = query[:2] + bytes([0x85, 0x80 if name == "good.test" else 0x83, 0, 1, 0, 1 if known else 0, 0, 0, 0, 0])
    record = b"\\xc0\\x0c\\0" + bytes([kind]) + b"\\0\\1\\0\\0\\0\\1" + bytes([0, len(data.get(kind, b""))]) + data.get(kind, b"")
    return header + question + (record if known else b"")
def nonsense(query):
    good = answer(query)
    yield bytes([good[0] ^ 1]) + good[1:]
    yield query
    yield good[:13] + b"x" + good[14:]
    yield good[:-2]
    yield b""
    yield good[:2]
    yield good[:7] + b"\\xff" + good[8:]
    yield b"\\xff" * 60000
def serve(family, address, port):
    server = socket.socket(family, socket.SOCK_DGRAM)
    server.bind((address, port))
    def run():
        while True:
            query, who = server.recvfrom(4096)
            if port != ${NAMES.good}:
                for bad in nonsense(query): server.sendto(bad, who)
            if port != ${NAMES.bad}: server.sendto(answer(query), who)
    threading.Thread(target=run, daemon=True).start()
for family, address in ((socket.AF_INET, "${FAR.inet}"), (socket.AF_INET6, "${FAR.inet6}")):
    for port in (${NAMES.good}, ${NAMES.late}, ${NAMES.bad}): serve(family, address, port)
    listening = socket.socket(family)
    listening.bind((address, ${LISTENING}))
    listening.listen()
    globals()[address] = listening
print("ready", flush=True)
time.sleep(10000)`;

const SET_UP = `
  mount -t tmpfs -o mode=755 tmpfs /run
  ip link set lo up
  echo 1 > /proc/sys/net/ipv4/ip_forward
  # As many of a router's errors as there are probes.
  echo 0 > /proc/sys/net/ipv4/icmp_ratelimit
  echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
  echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
  for name in near far; do
    ip netns add $name
    ip link add to-$name type veth peer name eth0 netns $name
    ip link set to-$name up
    ip -n $name link set eth0 up
    ip -n $name link set lo up
    # A fresh network has these of the host.
    ip netns exec $name sh -c 'echo 0 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6'
  done
  echo 0 > /proc/sys/net/ipv6/conf/to-near/disable_ipv6
  echo 0 > /proc/sys/net/ipv6/conf/to-far/disable_ipv6
  ip addr add ${ROUTER.inet}/24 dev to-near
  ip addr add ${ROUTER.inet6}/64 dev to-near nodad
  ip addr add 198.51.100.1/24 dev to-far
  ip addr add 2001:db8:2::1/64 dev to-far nodad
  ip -n near addr add ${NEAR.inet}/24 dev eth0
  ip -n near addr add ${NEAR.inet6}/64 dev eth0 nodad
  ip -n far addr add ${FAR.inet}/24 dev eth0
  ip -n far addr add ${FAR.inet6}/64 dev eth0 nodad
  for way in '-4 default via ${ROUTER.inet}' '-6 default via ${ROUTER.inet6}' '-4 blackhole 203.0.113.0/24'; do
    set -- $way
    ip -n near $1 route add $2 $3 $4
  done
  ip -n far route add default via 198.51.100.1
  ip -n far -6 route add default via 2001:db8:2::1
  ip route add unreachable 192.88.99.0/24
  ip link set to-far mtu ${NARROW}
  ip -n far link set eth0 mtu ${NARROW}
  # Not in place of this shell: with it the network of the router would go.
  ip netns exec far python3 -c '${SERVERS}'`;

export function makeRoutedNetwork(): Promise<Started> {
  return startReady(['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-ec', SET_UP], {
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
  });
}

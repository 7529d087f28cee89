// Four nodes: a router with a bridge and NAT, two machines behind the bridge, and one outside that knows nothing of them.
// The router's namespaces and /etc are its own. Addresses outside are of the ranges for documentation (RFC 5737).

import { startReady, type Started } from './start-ready.ts';
import { commandLine, run, type RunResult } from './program.ts';

export const C1 = '10.97.0.2';
export const C2 = '10.97.0.3';
export const ROUTER = '10.97.0.1';
export const OUTSIDE = '203.0.113.1';

/** TCP of c2, and of the one outside. */
export const PORT = { open: 8080, loopback: 8081, onlyIpv6: 8082, full: 8083, outside: 80 };

const NODES = `
import os, socket, ctypes, sys, time
libc = ctypes.CDLL(None)
def tcp(address, port, family=socket.AF_INET, only=0, backlog=8):
    one = socket.socket(family)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6: one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
    one.bind((address, port))
    one.listen(backlog)
    return one
def udp(address, port):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.bind((address, port))
    return one
def full():
    one = tcp("0.0.0.0", ${PORT.full}, backlog=0)
    waiting = []
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        try: client.connect(("127.0.0.1", ${PORT.full}))
        except BlockingIOError: pass
        waiting.append(client)
    time.sleep(0.05)
    return one, waiting
NODES = {
    "c1": lambda: [],
    "c2": lambda: [tcp("0.0.0.0", ${PORT.open}), tcp("127.0.0.1", ${PORT.loopback}), tcp("::", ${PORT.onlyIpv6}, socket.AF_INET6, 1), full()],
    "inet": lambda: [tcp("0.0.0.0", ${PORT.outside}), udp("0.0.0.0", 53)],
}
for name, start in NODES.items():
    ready, done = os.pipe()
    if os.fork() == 0:
        assert libc.setns(os.open("/run/netns/" + name, os.O_RDONLY), 0x40000000) == 0
        kept = start()
        os.write(done, b"x")
        time.sleep(100000)
    assert os.read(ready, 1) == b"x"
print("ready", flush=True)
time.sleep(100000)`;

const SET_UP = `
  mount -t tmpfs -o mode=755 tmpfs /run
  mkdir /run/etc && cp -a /etc/. /run/etc && mount --bind /run/etc /etc
  rm -f /etc/resolv.conf
  echo nameserver ${OUTSIDE} > /etc/resolv.conf
  echo 0 > /proc/sys/net/ipv4/ip_forward
  echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
  echo 0 > /proc/sys/net/ipv4/conf/default/rp_filter
  [ ! -e /proc/sys/net/bridge ] || echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables
  ip link set lo up
  ip link add br0 address 02:00:00:00:97:01 type bridge
  ip link set br0 up
  ip addr add ${ROUTER}/24 dev br0
  for name in c1 c2 inet; do
    ip netns add $name
    ip -n $name link set lo up
    ip netns exec $name sh -c 'echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter; echo 0 > /proc/sys/net/ipv4/conf/default/rp_filter'
  done
  for number in 1 2; do
    ip link add v$number address 02:00:00:00:98:0$number master br0 type veth peer name eth0 address 02:00:00:00:99:0$number netns c$number
    ip link set v$number up
    ip -n c$number addr add 10.97.0.$((number + 1))/24 dev eth0
    ip -n c$number link set eth0 up
    ip -n c$number route add default via ${ROUTER}
  done
  ip link add up0 type veth peer name eth0 netns inet
  ip addr add 203.0.113.2/24 dev up0
  ip link set up0 up
  ip -n inet addr add ${OUTSIDE}/24 dev eth0
  ip -n inet link set eth0 up
  ip route add default via ${OUTSIDE}
  echo 1 > /proc/sys/net/ipv4/ip_forward
  nft -f - <<'NFT'
table ip lab {
  chain out {
    type nat hook postrouting priority srcnat
    ip saddr 10.97.0.0/24 oifname != "br0" masquerade
  }
}
NFT
  exec python3 -c '${NODES}'`;

const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

export class DoctorLab {
  private readonly started: Started;

  private constructor(started: Started) {
    this.started = started;
  }

  static async start(): Promise<DoctorLab> {
    return new DoctorLab(
      await startReady(['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-ec', SET_UP], { PATH }),
    );
  }

  /** As a target, from here. */
  node(name: string): string {
    const { pid } = this.started;
    return name === 'router' ? `/proc/${pid}/ns/net` : `/proc/${pid}/root/run/netns/${name}`;
  }

  /** In the router, where ip(8) knows the others by name. Throws where it fails. */
  sh(script: string): string {
    const { status, stdout, stderr } = run(
      ['nsenter', '-t', String(this.started.pid), '-m', '-n', 'sh', '-ec', script],
      { env: { PATH } },
    );
    if (status !== 0) throw new Error(`${script}: ${stderr}`);
    return stdout;
  }

  /** The command line that starts nstool in the router. */
  commandLine(args: readonly string[]): readonly string[] {
    return ['nsenter', '-t', String(this.started.pid), '-m', '-n', ...commandLine(args)];
  }

  nstool(args: readonly string[]): RunResult {
    return run(this.commandLine(args), { env: { PATH } });
  }

  end(): Promise<void> {
    return this.started.end();
  }
}

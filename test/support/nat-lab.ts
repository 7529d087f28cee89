// A machine of a test's own with a neighbour beyond it, and what says to whom over TCP and UDP.

import { PrivateNetwork } from './private-network.ts';

const SERVE = `
import socket, sys, threading
def plain(who): return who[0].removeprefix('::ffff:').encode()
def tcp():
    s = socket.create_server(('::', int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True); ready.release()
    while True:
        c, who = s.accept(); c.sendall(plain(who)); c.close()
def udp():
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0); s.bind(('::', int(sys.argv[1]))); ready.release()
    while True:
        data, who = s.recvfrom(100); s.sendto(plain(who), who)
ready = threading.Semaphore(0)
for each in tcp, udp: threading.Thread(target=each, daemon=True).start()
ready.acquire(); ready.acquire()
print('ready', flush=True)
threading.Event().wait()`;

const ASK = `
import json, socket, sys
def ask(protocol, host, port, wait):
    try:
        family = socket.AF_INET6 if ':' in host else socket.AF_INET
        s = socket.socket(family, socket.SOCK_STREAM if protocol == 'tcp' else socket.SOCK_DGRAM)
        s.settimeout(wait); s.connect((host, port))
        if protocol == 'udp': s.send(b'x')
        return s.recv(100).decode()
    except OSError: return 'no answer'
print(json.dumps([ask(*each) for each in json.loads(sys.argv[1])]))`;

const BOTH = `
import json, subprocess, sys
server, port, client, questions, serve, ask = json.loads(sys.argv[1])
p = subprocess.Popen(server + ['python3', '-c', serve, str(port)], stdout=subprocess.PIPE)
try:
    p.stdout.readline()
    done = subprocess.run(client + ['python3', '-c', ask, json.dumps(questions)], capture_output=True, text=True)
    print(done.stdout + done.stderr)
finally:
    p.kill(); p.wait()`;

export interface Question {
  readonly protocol: 'tcp' | 'udp';
  readonly host: string;
  readonly port: number;
  /** Nobody is expected to answer: it is not waited for long. */
  readonly inVain?: true;
}

/** The address that the host has towards the neighbour, whose own is BEYOND. */
export const OUTSIDE = '203.0.113.1';
export const BEYOND = '203.0.113.2';
const SECONDS = 10;

export class NatLab {
  readonly net: PrivateNetwork;

  private constructor(net: PrivateNetwork) {
    this.net = net;
  }

  /** The host does not forward, looks for no duplicate of its address, which takes a second or two, and no firewall sees what crosses a bridge. */
  static async start(): Promise<NatLab> {
    const lab = new NatLab(await PrivateNetwork.start());
    const script = `
echo 0 > /proc/sys/net/ipv4/ip_forward
test ! -e /proc/sys/net/bridge || echo 0 > /proc/sys/net/bridge/bridge-nf-call-iptables
ip netns add beyond
ip link add up0 type veth peer name eth0 netns beyond
ip addr add ${OUTSIDE}/24 dev up0
echo 0 > /proc/sys/net/ipv6/conf/up0/accept_ra
# Else its address is tentative for a second, and what is compared with later is another state.
echo 0 > /proc/sys/net/ipv6/conf/up0/accept_dad
ip link set up0 up
ip -n beyond link set lo up
ip netns exec beyond sh -c 'for each in lo eth0; do echo 0 > /proc/sys/net/ipv6/conf/$each/disable_ipv6; done'
echo 0 > /proc/sys/net/ipv6/conf/up0/disable_ipv6
echo 0 > /proc/sys/net/ipv6/conf/all/forwarding
ip -n beyond link set eth0 up
ip -n beyond addr add ${BEYOND}/24 dev eth0
ip route add default via ${BEYOND}`;
    lab.must('sh', '-ec', script);
    return lab;
  }

  must(...command: readonly string[]): string {
    const { status, stdout, stderr } = this.net.run(...command);
    if (status !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** What each is answered: the address that the server in `server` sees. null: the host. */
  ask(server: string | null, port: number, client: string | null, questions: readonly Question[]): readonly string[] {
    const inside = (name: string | null): readonly string[] => (name === null ? [] : ['ip', 'netns', 'exec', name]);
    const wanted = questions.map((each) => [each.protocol, each.host, each.port, each.inVain === true ? 1 : SECONDS]);
    const words = JSON.stringify([inside(server), port, inside(client), wanted, SERVE, ASK]);
    return JSON.parse(this.must('python3', '-c', BOTH, words)) as string[];
  }

  /** As nft(8) lists it, without what was counted. */
  ruleset(): string {
    return this.must('nft', '-s', 'list', 'ruleset');
  }

  /** Rules, settings that tell how packets go, links and names. */
  state(): string {
    const settings =
      'grep -rH --exclude=stable_secret "" /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf';
    return `${this.ruleset()}${this.must('sh', '-c', settings)}${this.net.state()}`;
  }

  async end(): Promise<void> {
    this.net.run('ip', 'netns', 'del', 'beyond');
    await this.net.end();
  }
}

// Three labs of `ip netns`, in a network and a mount namespace of their own, so that nothing of them is on the host: a bridge
// with many namespaces, pairs whose ends have the same numbers, and links of other kinds. Addresses are of the ranges for
// documentation (RFC 5737).

import { startReady, type Started } from './start-ready.ts';

/** How many namespaces are at the bridge: a script may want more. */
export const AT_BRIDGE = Number(process.env['NSTOOL_TEST_NETWORKS'] ?? 300);
export const PAIRS = 6;

const SET_UP = `
  mount -t tmpfs -o mode=755 tmpfs /run
  ip link set lo up
  ip link add br0 type bridge
  ip link set br0 up
  ip addr add 192.0.2.1/24 dev br0
  for i in $(seq ${AT_BRIDGE}); do echo "netns add n$i"; done | ip -b -
  for i in $(seq ${AT_BRIDGE}); do
    echo "link add v$i master br0 type veth peer name eth0 netns n$i"
    echo "link set v$i up"
  done | ip -b -
  for i in 1 2 3; do
    ip -n n$i addr add 192.0.2.$((i + 1))/24 dev eth0
    ip -n n$i link set eth0 up
    ip -n n$i route add default via 192.0.2.1
  done
  # The same numbers at both ends, in each of them.
  for i in $(seq ${PAIRS}); do
    ip netns add a$i
    ip netns add b$i
    ip -n a$i link add to-b$i type veth peer name to-a$i netns b$i
  done
  ip netns add odd
  ip -n odd link add mac0 type veth peer name mac1
  ip link add parent type veth peer name other
  ip link set parent up
  ip link add mv0 link parent netns odd type macvlan mode private
  ip link add vx0 type vxlan id 42 local 192.0.2.1 remote 192.0.2.9 dstport 4789
  ip link property add dev parent altname a-very-long-name-for-a-link
  ip link set parent alias 'what "it" is <b>'
  exec python3 -c '
import array, fcntl, os, socket, struct, subprocess, sys, time
ip = lambda *words: subprocess.run(("ip",) + words, check=True)
def begun():
    before = os.open("/proc/self/ns/net", os.O_RDONLY)
    libc = __import__("ctypes").CDLL(None)
    assert libc.unshare(0x40000000) == 0
    inside = os.open("/proc/self/ns/net", os.O_RDONLY)
    assert libc.setns(before, 0x40000000) == 0
    os.close(before)
    return inside
# A tun device and its program.
tun = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(tun, 0x400454ca, struct.pack("16sH22x", b"tun0", 0x1001))
# Only a descriptor keeps this one.
held = begun()
ip("link", "add", "to-held", "type", "veth", "peer", "name", "held0", "netns", "/proc/%d/fd/%d" % (os.getpid(), held))
# And this one only a descriptor that is under way to nobody.
flying = begun()
ip("link", "add", "to-hidden", "type", "veth", "peer", "name", "hidden0", "netns", "/proc/%d/fd/%d" % (os.getpid(), flying))
near, far = socket.socketpair()
socket.send_fds(near, [b"x"], [flying])
os.close(flying)
listening = socket.socket()
listening.bind(("192.0.2.1", 8080))
listening.listen()
print("ready", flush=True)
time.sleep(10000)'`;

export function makeNetLabs(): Promise<Started> {
  return startReady(['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-ec', SET_UP], {
    PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`,
  });
}

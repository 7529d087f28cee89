# A router with a machine at each side, and a bridge that joins them a second time; frames are sent and looked for by
# packet sockets, so that nothing but the router decides what becomes of them. One line of JSON asks, one answers.
import ctypes, json, os, select, socket, struct, subprocess, sys, time

libc = ctypes.CDLL(None, use_errno=True)
SCRIPT = '''
mount -t tmpfs -o mode=755 tmpfs /run
ip link set lo up
for n in left right; do ip netns add $n; ip -n $n link set lo up; done
ip link add l0 address 02:00:00:00:01:01 type veth peer name a0 address 02:00:00:00:01:02 netns left
ip link add r0 address 02:00:00:00:02:01 type veth peer name a0 address 02:00:00:00:02:02 netns right
ip link add br0 address 02:00:00:00:03:01 type bridge
ip link add bl master br0 type veth peer name b0 address 02:00:00:00:03:02 netns left
ip link add brr master br0 type veth peer name b0 address 02:00:00:00:03:03 netns right
for l in l0 r0 br0 bl brr; do ip link set $l up; done
for n in left right; do ip -n $n link set a0 up; ip -n $n link set b0 up; done
ip addr add 10.1.0.1/24 dev l0; ip -6 addr add fd01::1/64 dev l0 nodad
ip addr add 10.2.0.1/24 dev r0; ip -6 addr add fd02::1/64 dev r0 nodad
ip addr add 10.3.0.1/24 dev br0
ip -n left addr add 10.1.0.2/24 dev a0; ip -n left -6 addr add fd01::2/64 dev a0 nodad
ip -n right addr add 10.2.0.2/24 dev a0; ip -n right -6 addr add fd02::2/64 dev a0 nodad
ip -n right addr add 10.2.0.3/24 dev a0
# Whoever it is sent to, the router finds.
ip route add 10.96.0.0/16 dev r0
for a in 10.2.0.2 10.2.0.3 10.96.0.10 10.96.0.11; do ip neigh replace $a lladdr 02:00:00:00:02:02 dev r0 nud permanent; done
ip neigh replace 10.1.0.2 lladdr 02:00:00:00:01:02 dev l0 nud permanent
ip -6 neigh replace fd01::2 lladdr 02:00:00:00:01:02 dev l0 nud permanent
ip -6 neigh replace fd02::2 lladdr 02:00:00:00:02:02 dev r0 nud permanent
ip neigh replace 10.3.0.2 lladdr 02:00:00:00:03:02 dev br0 nud permanent
ip neigh replace 10.3.0.3 lladdr 02:00:00:00:03:03 dev br0 nud permanent
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding
echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter
# Every reject is told, however many there are.
echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; echo 0 > /proc/sys/net/ipv6/icmp/ratelimit
for l in l0 r0 br0; do echo 0 > /proc/sys/net/ipv4/conf/$l/rp_filter; done
'''
subprocess.run(['sh', '-ec', SCRIPT], check=True)
own = os.open('/proc/self/ns/net', os.O_RDONLY)

def inside(name, make):
    there = os.open('/run/netns/' + name, os.O_RDONLY)
    assert libc.setns(there, 0) == 0
    try:
        return make()
    finally:
        assert libc.setns(own, 0) == 0
        os.close(there)

def packet_socket(link):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((link, 0))
    s.setblocking(False)
    return s

ends = {(n, l): inside(n, lambda: packet_socket(l)) for n in ('left', 'right') for l in ('a0', 'b0')}
mac = lambda text: bytes.fromhex(text.replace(':', ''))
MACS = {('left', 'a0'): ('02:00:00:00:01:01', '02:00:00:00:01:02'), ('right', 'a0'): ('02:00:00:00:02:01', '02:00:00:00:02:02'),
        ('left', 'b0'): ('02:00:00:00:03:03', '02:00:00:00:03:02'), ('right', 'b0'): ('02:00:00:00:03:02', '02:00:00:00:03:03')}
# What comes in here has passed the input hooks.
here = []
for family, numbers in ((socket.AF_INET, (1, 6, 17)), (socket.AF_INET6, (58, 6, 17))):
    for number in numbers:
        s = socket.socket(family, socket.SOCK_RAW, number)
        s.setblocking(False)
        here.append(s)

def checksum(data):
    if len(data) % 2: data += b'\0'
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff

def frame(p):
    v6 = ':' in p['source']
    family = socket.AF_INET6 if v6 else socket.AF_INET
    src, dst = (socket.inet_pton(family, p[k]) for k in ('source', 'destination'))
    number = {'tcp': 6, 'udp': 17, 'icmp': 58 if v6 else 1}[p['protocol']]
    token = p['token'].encode()
    sport, dport = p.get('sport') or 0, p.get('dport') or 0
    if p['protocol'] == 'udp': body = struct.pack('!HHHH', sport, dport, 8 + len(token), 0) + token
    elif p['protocol'] == 'tcp': body = struct.pack('!HHIIBBHHH', sport, dport, 1000, 0, 0x50, p.get('flags', 2), 1024, 0, 0) + token
    else: body = struct.pack('!BBHHH', (128 if v6 else 8) + (p.get('reply', 0) and (1 if v6 else -8)), 0, 0, sport, 1) + token
    pseudo = src + dst + struct.pack('!II', len(body), number) if v6 else src + dst + struct.pack('!HH', number, len(body))
    at = {6: 16, 17: 6, 1: 2, 58: 2}[number]
    body = body[:at] + struct.pack('!H', checksum((b'' if number == 1 else pseudo) + body)) + body[at + 2:]
    if v6: head = struct.pack('!IHBB', 6 << 28, len(body), number, 64) + src + dst
    else:
        head = struct.pack('!BBHHHBBH', 0x45, p.get('tos', 0), 20 + len(body), 7, 0x4000, 64, number, 0) + src + dst
        head = head[:10] + struct.pack('!H', checksum(head)) + head[12:]
    router, own_mac = MACS[(p['from'], p.get('link', 'a0'))]
    to = '02:00:00:00:03:01' if p.get('toBridge') else router
    return mac(to) + mac(own_mac) + (b'\x86\xdd' if v6 else b'\x08\x00') + head + body

def parsed(data):
    kind = data[12:14]
    if kind == b'\x08\x00': src, dst, number, rest = data[26:30], data[30:34], data[23], data[34:]
    elif kind == b'\x86\xdd': src, dst, number, rest = data[22:38], data[38:54], data[20], data[54:]
    else: return None
    family = socket.AF_INET if kind == b'\x08\x00' else socket.AF_INET6
    sport, dport = struct.unpack('!HH', rest[:4]) if len(rest) >= 4 else (0, 0)
    flags = rest[13] if number == 6 and len(rest) > 13 else 0
    return dict(source=socket.inet_ntop(family, src), destination=socket.inet_ntop(family, dst), number=number,
                sport=sport, dport=dport, flags=flags, type=rest[0] if rest else None)

def look(probes, seen):
    for place, s in ends.items():
        while True:
            try: data, address = s.recvfrom(2048)
            except BlockingIOError: break
            if address[2] == socket.PACKET_OUTGOING: continue
            p = parsed(data)
            if p is None: continue
            for probe in probes:
                sender = (probe['from'], probe.get('link', 'a0'))
                is_error = p['number'] == 1 and p['type'] == 3 or p['number'] == 58 and p['type'] in (1, 2, 3, 4)
                is_here = probe['token'].encode() in data
                reset = p['number'] == 6 and p['flags'] & 4 and p['dport'] == probe.get('sport')
                if place == sender and (reset or is_error and is_here): seen.setdefault(probe['token'], {})['rejected'] = True
                elif is_here and not is_error: seen.setdefault(probe['token'], {})['arrived'] = p
    for s in here:
        while True:
            try: data = s.recv(2048)
            except BlockingIOError: break
            for probe in probes:
                if probe['token'].encode() in data: seen.setdefault(probe['token'], {})['local'] = True

def fulfilled(probe, got):
    if probe['expect'] == 'accept': return 'arrived' in got or 'local' in got
    return probe['expect'] == 'drop' or 'rejected' in got

def send(probes):
    seen = {}
    look([], {})
    for probe in probes: ends[(probe['from'], probe.get('link', 'a0'))].send(frame(probe))
    start = time.monotonic()
    while True:
        look(probes, seen)
        spent = time.monotonic() - start
        done = all(fulfilled(p, seen.get(p['token'], {})) for p in probes)
        if spent > 5 or done and spent > (0.15 if any(p['expect'] != 'accept' for p in probes) else 0): return [seen.get(p['token'], {}) for p in probes]
        select.select(list(ends.values()) + here, [], [], 0.02)

print('ready', flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    if 'script' in asked:
        done = subprocess.run(['sh', '-ec', asked['script']], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        answer = {'status': done.returncode, 'text': done.stdout}
    else: answer = send(asked['probes'])
    print(json.dumps(answer), flush=True)

// What a container's root is made of, by mount tables as engines make them and files of theirs, whole and broken.

import { describe, expect, it } from 'vitest';
import { identifyProcess } from '../../../src/containers/identify.ts';
import { nobody, type Identity } from '../../../src/containers/identity.ts';
import { readRoot, type ContainerRoot } from '../../../src/containers/root.ts';
import { readVolumes, type Volumes } from '../../../src/containers/volumes.ts';
import { readWritable } from '../../../src/containers/writable-layer.ts';
import { excerpts, aProcess, type Entry } from './fake-files.ts';
import { fakeTrees, file, folder, type Trees } from './fake-trees.ts';

const ID = 'a'.repeat(64);
const UPPER = 'b'.repeat(64);
const LOW = 'c'.repeat(64);
const HIGH = 'd'.repeat(64);
const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const [CHAIN_LOW, CHAIN_HIGH, DIFF_LOW, DIFF_HIGH] = ['1', '2', '3', '4'].map(digest) as [
  string,
  string,
  string,
  string,
];
const OURS = '22 1 254:0 / / rw - ext4 /dev/vda rw\n';

/** A container, its engine's monitor above it, and us. */
function machine(mounts: string, entries: Readonly<Record<string, Entry>> = {}): Record<string, Entry> {
  return {
    '/proc/self/ns/mnt': { link: 'mnt:[4026531841]' },
    '/proc/self/ns/user': { link: 'user:[4026531837]' },
    '/proc/self/mountinfo': OURS,
    ...aProcess(7, { cgroup: `/docker/${ID}`, ppid: 6, mounts }),
    '/proc/7/ns/user': { link: 'user:[4026531837]' },
    ...aProcess(6, { cgroup: '/system.slice/docker.service', ppid: 1 }),
    ...entries,
  };
}

const dockerDatabase = (home: string): Record<string, Entry> => {
  const database = `${home}/image/overlay2/layerdb`;
  const layer = (chain: string): string => `${database}/${chain.replace(':', '/')}`;
  return {
    [`${home}/containers/${ID}/config.v2.json`]: JSON.stringify({ ID, Name: '/web' }),
    [`${database}/mounts/${ID}/parent`]: CHAIN_HIGH,
    [`${layer(CHAIN_HIGH)}/cache-id`]: HIGH,
    [`${layer(CHAIN_HIGH)}/diff`]: DIFF_HIGH,
    [`${layer(CHAIN_HIGH)}/parent`]: CHAIN_LOW,
    [`${layer(CHAIN_LOW)}/cache-id`]: LOW,
    [`${layer(CHAIN_LOW)}/diff`]: DIFF_LOW,
    [`${home}/overlay2/l/${'I'.repeat(26)}`]: { link: `../${UPPER}-init/diff` },
    [`${home}/overlay2/l/${'H'.repeat(26)}`]: { link: `../${HIGH}/diff` },
    [`${home}/overlay2/l/${'L'.repeat(26)}`]: { link: `../${LOW}/diff` },
  };
};

function dockerMounts(home: string, work = home): string {
  const lower = ['I', 'H', 'L'].map((letter) => `${home}l/${letter.repeat(26)}`).join(':');
  const options = `rw,lowerdir=${lower},upperdir=${work}${UPPER}/diff,workdir=${work}${UPPER}/work`;
  return `300 200 0:41 / / rw,relatime - overlay overlay ${options}\n`;
}

function look(entries: Readonly<Record<string, Entry>>, trees: Trees): { root: ContainerRoot; identity: Identity } {
  const files = fakeTrees(trees, entries);
  const identity = identifyProcess(files, 7);
  const root = readRoot(files, 7, identity.ok ? identity.value : nobody);
  if (!root.ok || !identity.ok) throw new Error(JSON.stringify([root, identity]));
  expect(readRoot(excerpts(files), 7, identity.value)).toEqual(root);
  return { root: root.value, identity: identity.value };
}

const told = ({ layers }: ContainerRoot): unknown =>
  layers.map(({ role, directory, id, digest }) => [role, directory, id, digest]);

describe('docker', () => {
  const home = '/var/lib/docker';
  const upper = `${home}/overlay2/${UPPER}/diff`;
  const layers = [
    ['image', `${home}/overlay2/${LOW}/diff`, LOW, DIFF_LOW],
    ['image', `${home}/overlay2/${HIGH}/diff`, HIGH, DIFF_HIGH],
    ['init', `${home}/overlay2/${UPPER}-init/diff`, `${UPPER}-init`, null],
  ];

  it.each([
    ['by their whole paths', dockerMounts(`${home}/overlay2/`)],
    ['from its folder, where there are many', dockerMounts('')],
    ['from its folder, but for the upper', dockerMounts('', `${home}/overlay2/`)],
  ])('has its layers from the bottom up, named %s', (_, mounts) => {
    const { root } = look(machine(mounts, dockerDatabase(home)), { [upper]: {} });
    expect(root).toMatchObject({ driver: 'overlay2', writable: { directory: upper, id: UPPER }, gaps: [] });
    expect(told(root)).toEqual(layers);
  });

  it('whose files go in circles, or hold something else, has its layers all the same', () => {
    const mounts = dockerMounts(`${home}/overlay2/`);
    const parent = `${home}/image/overlay2/layerdb/${CHAIN_LOW.replace(':', '/')}/parent`;
    const circle = look(machine(mounts, { ...dockerDatabase(home), [parent]: CHAIN_HIGH }), { [upper]: {} });
    expect(told(circle.root)).toEqual(layers);
    for (const text of ['', 'sha256:', '../../../etc', '\u001b[31m', 'x'.repeat(1000)]) {
      const { root } = look(machine(mounts, { ...dockerDatabase(home), [parent]: text }), { [upper]: {} });
      expect(told(root)).toEqual(layers);
      expect(root.gaps).toMatchObject([{ reason: 'malformed', what: parent }]);
    }
  });

  it('whose short name leads elsewhere is shown by it', () => {
    const short = `${home}/overlay2/l/${'L'.repeat(26)}`;
    const entries = machine(dockerMounts(`${home}/overlay2/`), { ...dockerDatabase(home), [short]: { link: '/etc' } });
    expect(look(entries, { [upper]: {} }).root.layers[0]).toMatchObject({ directory: short, id: null, digest: null });
  });

  it('in a container has its files in that, and their paths are ours where there is one', () => {
    const outer = 'e'.repeat(64);
    const base = '/proc/6/root';
    const inner = Object.entries(dockerDatabase(home)).map(([path, entry]) => [`${base}${path}`, entry] as const);
    const node = `/docker/${outer}`;
    const entries = machine(dockerMounts(`${home}/overlay2/`), {
      ...Object.fromEntries(inner),
      ...aProcess(7, { cgroup: `${node}/docker/${ID}`, ppid: 6, mounts: dockerMounts(`${home}/overlay2/`) }),
      ...aProcess(6, {
        cgroup: node,
        ppid: 5,
        mounts: `400 200 0:40 / / rw - overlay overlay rw,lowerdir=/x\n401 400 254:0 /srv/vol/_data ${home} rw - ext4 /dev/vda rw\n`,
      }),
      ...aProcess(5, { cgroup: '/system.slice/docker.service' }),
    });
    // Not this one: a directory of ours with the same name.
    const { root, identity } = look(entries, { [`${base}${upper}`]: {}, [upper]: {} });
    expect(identity).toMatchObject({ name: 'web', outer: [{ engine: 'docker', id: outer }] });
    expect(root.view?.base).toBe(base);
    expect(root.writable?.directory).toBe(`/srv/vol/_data/overlay2/${UPPER}/diff`);
    expect(root.layers.map(({ digest }) => digest)).toEqual([DIFF_LOW, DIFF_HIGH, null]);
  });

  it('has no layers that anybody sees, and says so', () => {
    const { root } = look(machine(dockerMounts(`${home}/overlay2/`), dockerDatabase(home)), {});
    expect(root).toMatchObject({
      view: null,
      gaps: expect.arrayContaining([
        expect.objectContaining({ reason: 'unsupported', what: expect.stringContaining(upper) }),
      ]) as unknown,
    });
  });
});

describe('other engines', () => {
  it('podman has digests in its list of layers, a half-written one is a gap', () => {
    const home = '/home/u/.local/share/containers/storage';
    const path = (id: string): string => `${home}/overlay/${id}/diff`;
    const mounts = `300 200 0:41 / / rw - overlay overlay rw,lowerdir=${path(LOW)},upperdir=${path(UPPER)},workdir=/w\n`;
    const list = JSON.stringify([{ id: LOW, 'diff-digest': DIFF_LOW }, { id: UPPER, parent: LOW }, 7, { id: 8 }]);
    const file = `${home}/overlay-layers/layers.json`;
    const { root } = look(machine(mounts, { [file]: list }), { [path(UPPER)]: {} });
    expect(root).toMatchObject({ driver: 'overlay', gaps: [] });
    expect(told(root)).toEqual([['image', path(LOW), LOW, DIFF_LOW]]);
    const broken = look(machine(mounts, { [file]: list.slice(0, 30) }), { [path(UPPER)]: {} });
    expect(told(broken.root)).toEqual([['image', path(LOW), LOW, null]]);
    expect(broken.root.gaps).toMatchObject([{ reason: 'malformed', what: file }]);
  });

  it('containerd numbers its snapshots, and names the lower from their folder', () => {
    const home = '/var/lib/containerd/io.containerd.snapshotter.v1.overlayfs/snapshots';
    const mounts = `300 200 0:41 / / rw - overlay overlay rw,lowerdir=12/fs:4/fs,upperdir=${home}/13/fs,workdir=${home}/13/work\n`;
    const { root } = look(machine(mounts), { [`${home}/13/fs`]: {} });
    expect(root).toMatchObject({ driver: 'overlayfs', writable: { id: '13' }, gaps: [] });
    expect(told(root)).toEqual([
      ['image', `${home}/4/fs`, '4', null],
      ['image', `${home}/12/fs`, '12', null],
    ]);
  });

  it.each([
    ['254:0 /var/lib/lxc/web/rootfs / rw - ext4 /dev/vda rw', 'directory', '/var/lib/lxc/web/rootfs'],
    [`254:0 /var/lib/docker/vfs/dir/${UPPER} / rw - ext4 /dev/vda rw`, 'vfs', `/var/lib/docker/vfs/dir/${UPPER}`],
    ['0:50 /subvolumes/x / rw - btrfs /dev/vdb rw', 'btrfs', null],
    ['0:51 / / rw - zfs tank/docker/x rw', 'zfs', null],
    ['253:7 / / rw - xfs /dev/mapper/docker-254:0-1-x rw', 'devicemapper', null],
    ['7:0 / / rw - ext4 /dev/loop0 rw', 'device', null],
    ['0:52 / / rw - fuse.fuse-overlayfs fuse-overlayfs rw', 'fuse-overlayfs', null],
  ])('a root on %s', (mount, driver, directory) => {
    expect(look(machine(`300 200 ${mount}\n`), {}).root).toMatchObject({
      driver,
      directory,
      layers: [],
      writable: null,
    });
  });

  it('after chroot(2) there is no mount to tell of', () => {
    const files = fakeTrees({}, machine('300 200 254:0 /x/proc /proc rw - ext4 /dev/vda rw\n'));
    expect(readRoot(files, 7, nobody)).toMatchObject({ gap: { reason: 'unsupported' } });
  });
});

describe('a writable layer in a user namespace', () => {
  const mounts = '300 200 0:41 / / rw - overlay overlay rw,lowerdir=/l,upperdir=/u,workdir=/w\n';
  const entries = {
    ...machine(mounts),
    '/proc/7/ns/user': { link: 'user:[4026532999]' },
    '/proc/7/uid_map': '0 1000 1\n',
  };

  it.each([
    [1000, true],
    [1001, false],
    [0, false],
  ])('owned by uid %d is that of its container: %s', (uid, ok) => {
    const trees = { '/u': { '': { ...folder, uid }, secret: file } };
    const { root } = look(entries, trees);
    expect(readWritable(fakeTrees(trees, entries), 7, root).ok).toBe(ok);
  });
});

describe('volumes', () => {
  const POD = '8e7d6c5b-1111-2222-3333-444455556666';
  function volumes(
    mounts: readonly string[],
    identity: Partial<Identity>,
    entries: Record<string, Entry> = {},
  ): Volumes {
    const lines = mounts.map((mount, index) => `${301 + index} 300 ${mount}\n`).join('');
    const files = fakeTrees({}, machine(lines, entries));
    const read = readVolumes(files, 7, { ...nobody, ...identity });
    expect(readVolumes(excerpts(files), 7, { ...nobody, ...identity })).toEqual(read);
    if (!read.ok) throw new Error(JSON.stringify(read.gap));
    return read.value;
  }
  const named = ({ volumes: list }: Volumes): unknown =>
    list.map(({ type, name, driver, source, mount }) => [mount.mountPoint, type, name, driver, source]);

  it('of pods have the names of Kubernetes', () => {
    const pods = `/var/lib/kubelet/pods/${POD}`;
    const found = volumes(
      [
        `254:0 ${pods}/volumes/kubernetes.io~empty-dir/cache /cache rw - ext4 /dev/vda rw`,
        `254:0 ${pods}/volume-subpaths/config/app/0 /etc/app.conf ro - ext4 /dev/vda rw`,
        `254:0 ${pods}/etc-hosts /etc/hosts rw - ext4 /dev/vda rw`,
        `254:0 ${pods}/containers/app/1f2e3d4c /dev/termination-log rw - ext4 /dev/vda rw`,
        '254:0 /srv /srv rw shared:3 - ext4 /dev/vda rw',
        '0:30 / /proc rw - proc proc rw',
        '0:31 / /tmp rw - tmpfs tmpfs rw',
      ],
      { engine: 'containerd' },
    );
    expect(named(found)).toEqual([
      ['/cache', 'volume', 'cache', 'kubernetes.io/empty-dir', `${pods}/volumes/kubernetes.io~empty-dir/cache`],
      ['/etc/app.conf', 'volume', 'config', null, `${pods}/volume-subpaths/config/app/0`],
      ['/srv', 'bind', null, null, '/srv'],
    ]);
  });

  it('of docker have the name and driver of its file, also where their file system is not mounted here', () => {
    const docker = { engine: 'docker', id: ID, folder: { path: '/d' } } as const;
    const points = {
      '/nfs': { Name: 'share', Driver: 'nfs-plugin', Source: '/plugin/share', RW: true },
      '/proc/host': { Source: '/proc', Type: 'bind' },
      '/evil': { Name: 7, Driver: { x: 1 }, Source: ['y'] },
    };
    const mounts = [
      '0:77 / /nfs rw - nfs server:/share rw',
      '0:30 / /proc/host rw - proc proc rw',
      '0:78 / /evil rw - tmpfs tmpfs rw',
    ];
    const file = `/d/containers/${ID}/config.v2.json`;
    const found = volumes(mounts, docker, { [file]: JSON.stringify({ MountPoints: points }) });
    expect(named(found)).toEqual([
      ['/nfs', 'volume', 'share', 'nfs-plugin', '/plugin/share'],
      ['/proc/host', 'bind', null, null, '/proc'],
      ['/evil', 'bind', null, null, null],
    ]);
    expect(volumes(mounts, docker, { [file]: '{"MountPoints":{' })).toMatchObject({
      volumes: [],
      gaps: [{ reason: 'malformed', what: file }],
    });
    expect(volumes(mounts, docker, { [file]: '{"MountPoints":[null,7]}' })).toEqual({ volumes: [], gaps: [] });
  });
});

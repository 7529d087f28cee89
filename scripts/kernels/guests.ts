// The guests: which kernel, with which cgroups, under which init. A further one is a further row.

export interface Architecture {
  /** Debian's name. */
  readonly debian: 'amd64' | 'arm64';
  /** Node's name. */
  readonly node: 'x64' | 'arm64';
  readonly compiler: string;
  readonly qemu: string;
  readonly qemuOptions: readonly string[];
  readonly console: string;
  /** Debian's packages on the host, by a program of each. */
  readonly packages: Readonly<Record<string, string>>;
}

const amd64: Architecture = {
  debian: 'amd64',
  node: 'x64',
  compiler: 'x86_64-linux-gnu-gcc',
  qemu: 'qemu-system-x86_64',
  qemuOptions: ['-cpu', 'max'],
  console: 'ttyS0',
  packages: { 'qemu-system-x86_64': 'qemu-system-x86', 'x86_64-linux-gnu-gcc': 'gcc libc6-dev' },
};

const arm64: Architecture = {
  debian: 'arm64',
  node: 'arm64',
  compiler: 'aarch64-linux-gnu-gcc',
  qemu: 'qemu-system-aarch64',
  // The real algorithm of pointer authentication takes half of the time.
  qemuOptions: ['-M', 'virt', '-cpu', 'max,pauth-impdef=on'],
  console: 'ttyAMA0',
  packages: {
    'qemu-system-aarch64': 'qemu-system-arm',
    'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu libc6-dev-arm64-cross',
  },
};

export interface Guest {
  /** What `npm run test:kernels -- NAME` says. */
  readonly name: string;
  readonly architecture: Architecture;
  /** The newest of this series is taken from the first suite that has one. */
  readonly series: string;
  readonly suites: readonly string[];
  readonly cgroups: 'v1' | 'v2';
  readonly init: 'script' | 'systemd';
}

const plain = { architecture: amd64, cgroups: 'v2', init: 'script' } as const;
const sid = ['sid', 'trixie-backports'];

export const guests: readonly Guest[] = [
  { ...plain, name: '5.10', series: '5.10', suites: ['bullseye'] },
  { ...plain, name: '6.1', series: '6.1', suites: ['bookworm-security', 'bookworm'] },
  { ...plain, name: '6.12', series: '6.12', suites: ['bookworm-security', 'trixie'] },
  { ...plain, name: '7.2', series: '7.2', suites: sid },
  { ...plain, name: '6.1-v1', series: '6.1', suites: ['bookworm-security', 'bookworm'], cgroups: 'v1' },
  { ...plain, name: 'systemd', series: '6.12', suites: ['bookworm-security', 'trixie'], init: 'systemd' },
  { ...plain, name: 'arm64', series: '7.2', suites: sid, architecture: arm64 },
];

/** The programs in a guest, nstool's oracles among them: Debian packages with all that they depend on. */
export const userland = {
  suite: 'bookworm',
  script: [
    'dash',
    'coreutils',
    'grep',
    'hostname',
    'iproute2',
    'kmod',
    'libcap2-bin',
    'libstdc++6',
    'mount',
    'procps',
    'sed',
    'util-linux',
  ],
  systemd: ['base-files', 'dbus', 'systemd', 'systemd-sysv'],
  /** Depended on for what happens at installation, or for scripts that are not run. */
  leftOut: /^(adduser|debconf|dpkg|libperl|perl|usrmerge|lib.*-perl$|tar$)/,
} as const;

/** What a guest can load; with each all that it depends on. */
export const modules: readonly string[] = [
  'bridge',
  'dummy',
  'inet_diag',
  'loop',
  'lzo-rle',
  'netlink_diag',
  'overlay',
  'sch_netem',
  'tun',
  'unix_diag',
  'veth',
  'virtio_net',
  'virtio_pci',
  'zram',
];

/** Of the guests, whatever Node runs the host. */
export const nodeVersion = '20.20.2';

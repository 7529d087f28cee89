// What `npm start` and `npm test` do first, so that each works in a fresh clone: install what is missing, build what is
// older than its source. With --oracles, as root on Debian, also the tools that the tests compare with; with --engines
// also container engines: for machines that exist to test, as what they install may start daemons.
// Plain Node and no packages: it runs before there are any. All talk goes to standard error.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

/** Debian's packages, and a program of each that tells whether it is there. */
const oracles = {
  lsns: 'util-linux',
  script: 'bsdutils',
  ip: 'iproute2',
  nft: 'nftables',
  iptables: 'iptables',
  ifconfig: 'net-tools',
  capsh: 'libcap2-bin',
  filecap: 'libcap-ng-utils',
  jq: 'jq',
  cc: 'gcc libc6-dev libcap-dev',
  python3: 'python3-minimal',
  strace: 'strace',
  zsh: 'zsh',
  fish: 'fish',
  'chromium-headless-shell': 'chromium-headless-shell',
};

const engines = {
  dockerd: 'docker.io',
  podman: 'podman conmon',
  '/usr/lib/cni/bridge': 'containernetworking-plugins',
  runc: 'runc',
  crun: 'crun',
  containerd: 'containerd',
  'lxc-start': 'lxc',
  'systemd-nspawn': 'systemd-container',
  busybox: 'busybox-static',
  bwrap: 'bubblewrap',
  newuidmap: 'uidmap',
};

function run(command, args) {
  // Standard output belongs to what the user asked for.
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2] });
  return error === undefined && status === 0;
}

function newest(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.tsbuildinfo'))
    .reduce((latest, entry) => Math.max(latest, statSync(`${entry.parentPath}/${entry.name}`).mtimeMs), 0);
}

function isInstalled() {
  const lock = 'node_modules/.package-lock.json';
  return existsSync(lock) && statSync(lock).mtimeMs >= statSync('package-lock.json').mtimeMs - 1000;
}

function isOlder(product, source) {
  return !existsSync(product) || statSync(product).mtimeMs < source;
}

function installTools(tools) {
  const isDebian = existsSync('/etc/debian_version');
  const missing = Object.keys(tools).filter((program) => spawnSync(program, ['--version']).error !== undefined);
  if (missing.length === 0 || !isDebian || process.geteuid() !== 0) return;
  const packages = missing.flatMap((program) => tools[program].split(' '));
  console.error(`nstool: installing what the tests compare with: ${packages.join(' ')}`);
  process.env.DEBIAN_FRONTEND = 'noninteractive';
  const got =
    run('apt-get', ['update', '-qq']) &&
    run('apt-get', ['install', '-qq', '-y', '--no-install-recommends', ...packages]);
  if (!got) console.error('nstool: not all of them could be installed: tests that need them are skipped');
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  console.error(`nstool: needs Node 20.19 or later, this is ${process.versions.node}`);
  process.exit(1);
}
// Before the build: a compiler is among them.
const tools = {
  ...(process.argv.includes('--oracles') ? oracles : {}),
  ...(process.argv.includes('--engines') ? engines : {}),
};
installTools(tools);
if (!isInstalled()) {
  console.error('nstool: installing its packages');
  // Not `npm ci`: it refuses a lock that lacks an optional package of some other platform, which a mirror may not have.
  if (!run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'])) process.exit(1);
}
if (isOlder('dist/nstool.cjs', newest('src')) && !run(process.execPath, ['scripts/build.mjs'])) process.exit(1);
// Without a compiler it says so, and listing and decoding work all the same.
if (isOlder('native/nsexec', statSync('native/nsexec.c').mtimeMs)) run(process.execPath, ['scripts/build-native.mjs']);

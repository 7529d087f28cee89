// What a guest is made of: Debian's kernel with a few modules, Debian's programs, Node and koffi from npm.

import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { nameOf, openArchive, sizeText } from './archive.ts';
import { cached, type Cache } from './cache.ts';
import { run } from './command.ts';
import { writeCpio } from './cpio.ts';
import { modules, nodeVersion, userland, type Architecture, type Guest } from './guests.ts';

export interface Kernel {
  readonly image: string;
  readonly modules: string;
}

export function fetchKernel(cache: Cache, { architecture, series, suites }: Guest): Kernel {
  const name = `linux-${series}-${architecture.debian}`;
  const folder = cached(cache, name, { suites, modules }, (into, temporary) => {
    const files = downloadKernel(temporary, { architecture, series, suites });
    const root = join(temporary, 'root');
    for (const file of files) run(['dpkg-deb', '--extract', file, root]);
    // Later packages have all of it below usr.
    if (!existsSync(join(root, 'lib'))) symlinkSync('usr/lib', join(root, 'lib'));
    const [release = ''] = readdirSync(join(root, 'lib/modules'));
    const image = [`boot/vmlinuz-${release}`, `lib/modules/${release}/vmlinuz`]
      .map((path) => join(root, path))
      .find((path) => existsSync(path));
    if (image === undefined) throw new Error(`no kernel in ${sizeText(files)}`);
    copyFileSync(image, join(into, 'vmlinuz'));
    run(['depmod', '--basedir', root, release]);
    const chosen = join(temporary, 'modules');
    copyModules(join(root, 'lib/modules', release), join(chosen, 'lib/modules', release));
    writeCpio(chosen, join(into, 'modules.cpio'));
    return sizeText(files);
  });
  return { image: join(folder, 'vmlinuz'), modules: join(folder, 'modules.cpio') };
}

/** Names carry the full version, and old ones vanish from the archive. */
function downloadKernel(
  temporary: string,
  { architecture, series, suites }: Pick<Guest, 'architecture' | 'series' | 'suites'>,
): readonly string[] {
  const { debian } = architecture;
  const pattern = `^linux-(image|binary|modules)-${series.replaceAll('.', '[.]')}[.][0-9][^-]*(-[0-9]+)?-cloud-${debian}$`;
  for (const suite of suites) {
    const archive = openArchive(join(temporary, suite), suite, debian);
    const names = archive.search(pattern);
    const version = names.map(withoutPart).toSorted(byVersion).at(-1);
    const parts = names.filter((name) => withoutPart(name) === version);
    if (version === undefined) continue;
    // Where there is a package `binary`, `image` only depends on it and on `modules`.
    const isSplit = parts.some((name) => name.startsWith('linux-binary-'));
    return archive.download(isSplit ? parts.filter((name) => !name.startsWith('linux-image-')) : parts);
  }
  throw new Error(`no ${pattern} in ${suites.join(', ')}`);
}

function withoutPart(name: string): string {
  return name.replace(/^linux-[a-z]+-/, '');
}

function byVersion(one: string, other: string): number {
  return one.localeCompare(other, 'en', { numeric: true });
}

function copyModules(from: string, to: string): void {
  const files = new Set(readdirSync(from).filter((name) => name.startsWith('modules.')));
  const wanted = new Set(modules.map((name) => name.replaceAll('-', '_')));
  for (const line of readFileSync(join(from, 'modules.dep'), 'utf8').split('\n')) {
    const [path = '', ...needs] = line.replace(':', '').split(' ').filter(Boolean);
    const name = path
      .replace(/^.*\//, '')
      .replace(/\.ko.*$/, '')
      .replaceAll('-', '_');
    if (wanted.delete(name)) for (const file of [path, ...needs]) files.add(file);
  }
  for (const file of files) {
    mkdirSync(dirname(join(to, file)), { recursive: true });
    copyFileSync(join(from, file), join(to, file));
  }
}

/** An archive of the programs and Node. */
export function fetchUserland(cache: Cache, { architecture, init }: Guest): string {
  const { suite, leftOut } = userland;
  const names = [...userland.script, ...(init === 'systemd' ? userland.systemd : [])];
  const recipe = { suite, names, leftOut: leftOut.source, nodeVersion };
  const folder = cached(cache, `userland-${init}-${architecture.debian}`, recipe, (into, temporary) => {
    const root = join(temporary, 'root');
    const archive = openArchive(join(temporary, suite), suite, architecture.debian);
    const files = archive.download(names, { dependencies: true }).filter((file) => !leftOut.test(nameOf(file)));
    for (const file of files) run(['dpkg-deb', '--extract', file, root]);
    for (const name of ['doc', 'info', 'lintian', 'locale', 'man']) {
      rmSync(join(root, 'usr/share', name), { recursive: true, force: true });
    }
    copyFileSync(fetchNode(cache, architecture), join(root, 'usr/bin/node'));
    writeCpio(root, join(into, 'userland.cpio'));
    return `${sizeText(files)} (${suite}, ${architecture.debian}) with the programs of the guests`;
  });
  return join(folder, 'userland.cpio');
}

function fetchNode(cache: Cache, { node }: Architecture): string {
  return fetchNpm(cache, `node-linux-${node}`, nodeVersion, 'bin/node');
}

/** koffi's binary, in the version that nstool uses. */
export function fetchKoffi(cache: Cache, { node }: Architecture, version: string): string {
  return fetchNpm(cache, `@koromix/koffi-linux-${node}`, version, `linux_${node}/koffi.node`);
}

/** One file of a package. npm does not install what is for another architecture, but it packs it. */
function fetchNpm(cache: Cache, name: string, version: string, file: string): string {
  const folder = cached(cache, `npm/${name.replaceAll('/', '-')}`, { version, file }, (into, temporary) => {
    const words = ['npm', 'pack', '--silent', '--pack-destination', temporary, `${name}@${version}`];
    const archive = join(temporary, run(words, { cwd: temporary }).trim());
    run(['tar', '--extract', '--gzip', '--file', archive, '--directory', temporary]);
    copyFileSync(join(temporary, 'package', file), join(into, basename(file)));
    return `${name} ${version} from npm, ${sizeText([archive]).replace(/^.*, /, '')}`;
  });
  return join(folder, basename(file));
}

// Debian's archive, read by an apt with folders of its own: the host's mirror with another suite or architecture, and
// nothing of the host's lists and packages is touched.

import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from './command.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

export interface Archive {
  readonly suite: string;
  /** Names of packages that match an extended regular expression. */
  search(pattern: string): readonly string[];
  /** Paths of the packages' files, gone with the next download. */
  download(names: readonly string[], options?: { readonly dependencies?: boolean }): readonly string[];
}

/** Fetches the lists of a suite. Errors: the mirror lacks it. */
export function openArchive(folder: string, suite: string, architecture: string): Archive {
  const packages = join(folder, 'cache/archives');
  for (const name of ['lists', 'cache/archives']) mkdirSync(join(folder, name, 'partial'), { recursive: true });
  // Nothing is installed: what is asked for comes with all that it depends on.
  writeFileSync(join(folder, 'status'), '');
  const source = `deb [signed-by=${KEYRING} arch=${architecture}] ${mirrorOf(suite)} ${suite} main\n`;
  writeFileSync(join(folder, 'sources.list'), source);
  const settings = {
    'APT::Architecture': architecture,
    'APT::Architectures': architecture,
    'APT::Sandbox::User': '',
    'Dir::Cache': join(folder, 'cache'),
    'Dir::Etc::SourceList': join(folder, 'sources.list'),
    'Dir::Etc::SourceParts': '/dev/null',
    'Dir::State::Lists': join(folder, 'lists'),
    'Dir::State::Status': join(folder, 'status'),
  };
  const words = ['-qq', ...Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`])];
  run(['apt-get', ...words, 'update']);
  return {
    suite,
    search: (pattern) =>
      run(['apt-cache', ...words, 'search', '--names-only', pattern])
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split(' ')[0] ?? ''),
    download: (names, { dependencies = false } = {}) => {
      rmSync(packages, { recursive: true });
      mkdirSync(join(packages, 'partial'), { recursive: true });
      if (dependencies) {
        run(['apt-get', ...words, '-y', '--no-install-recommends', '--download-only', 'install', ...names]);
      } else {
        run(['apt-get', ...words, 'download', ...names], { cwd: packages });
      }
      return readdirSync(packages)
        .filter((name) => name.endsWith('.deb'))
        .map((name) => join(packages, name));
    },
  };
}

/** What to say of files: a line on each, or their number and size. */
export function sizeText(files: readonly string[]): string {
  const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
  const what = files.length <= 2 ? files.map(nameOf).join(' and ') : `${files.length} packages`;
  return `${what}, ${Math.round(bytes / 1e6)} MB`;
}

/** Of the package that is in this file. */
export function nameOf(file: string): string {
  return basename(file).split('_')[0] ?? '';
}

/** The host's own mirror, if it has one. */
function mirrorOf(suite: string): string {
  const archive = suite.endsWith('-security') ? 'debian-security' : 'debian';
  const known = run(['apt-get', 'indextargets', '--format', '$(REPO_URI)']).split('\n');
  return known.find((uri) => uri.endsWith(`/${archive}/`)) ?? `http://deb.debian.org/${archive}`;
}

import { formatArchive, type ArchiveHeader } from '../../host/recorded/archive.ts';
import { NsError } from '../../kernel/error.ts';
import { valueOf, type Host } from '../../kernel/host.ts';
import { decodeText } from '../../kernel/text/text.ts';
import { captureHost } from '../capture/capture-host.ts';
import { flag, optionValue, type CommandDefinition, type Invocation } from '../define-command.ts';
import { version } from '../installation.ts';

export const capture: CommandDefinition = {
  name: 'capture',
  summary: 'record this host, for every reading command to look at later',
  operands: '',
  arity: [0, 0],
  description: [
    'Writes what the reading commands (ls, holders, show, ids, diff, version -v, enter --dry-run) would ask of this host,',
    'with the answers that it gives now. With --from FILE they answer from it as they would have here, and FILE::TARGET is',
    'a target in it; diff compares two. A TARGET that is a path may have :: in it (FILE::/a::b, and ::/a::b for one of this',
    'machine); a cgroup that is there is meant by its path alone. What this user may not read is missing there as here.',
    '',
    'It holds command lines, names, paths, addresses and users of all processes that we may look at: only its owner can',
    'read FILE (mode 0600). Environments are left out, those in the files of container engines too; diff then says that',
    'they are not in the recording.',
    '',
    'With 3,000 processes in 1,800 namespaces it took 40 s of processor time and 37 MB (gzip makes 1.4 MB of it).',
    'A process that ends meanwhile is recorded as far as it was read.',
  ],
  options: [
    {
      long: 'output',
      short: 'o',
      value: 'FILE',
      help: 'into FILE, which is replaced if it is there; else standard output',
    },
    { long: 'env', help: 'the environments of processes too, which hold secrets' },
  ],
  examples: [
    { line: 'nstool capture -o before.ndjson', does: 'record this host' },
    { line: 'nstool capture --env -o after.ndjson', does: 'with the environments, for diff --env' },
  ],
  exitStatus: [
    [0, 'recorded'],
    [2, 'the command line is wrong, FILE is no regular file, or standard output is a terminal'],
    [3, 'there is no such folder'],
    [4, 'we may not write there'],
    [5, '/proc is not that of our own pid namespace'],
    [74, 'it could not be written whole: nothing is left of it'],
  ],
  async run(invocation, context) {
    if (flag(invocation, 'from')) {
      throw new NsError('USAGE', { what: 'a recorded host is recorded already', tryThis: 'cp' });
    }
    const path = fileOf(invocation);
    if (path === undefined && context.stdout.isTerminal) {
      throw new NsError('USAGE', {
        what: 'a recording is not for a terminal',
        why: 'it has thousands of long lines',
        tryThis: 'nstool capture -o FILE',
      });
    }
    const save = path === undefined ? undefined : await context.output(path);
    const host = await context.host();
    const environments = flag(invocation, 'env');
    const entries = await captureHost(host, { environments });
    const text = formatArchive(headerOf(host, `nstool ${version()} capture${environments ? ' --env' : ''}`), entries);
    if (save === undefined) return { stdout: text, status: 0 };
    save(text);
    return { stdout: '', status: 0 };
  },
};

/** undefined: standard output. */
function fileOf(invocation: Invocation): string | undefined {
  const path = optionValue(invocation, 'output');
  return path === '-' ? undefined : path;
}

function headerOf(host: Host, madeBy: string): ArchiveHeader {
  const text = (path: string): string => {
    const bytes = valueOf(host.readFile(path));
    return bytes === undefined ? '' : decodeText(bytes).trim();
  };
  return {
    nstool_recording: 1,
    date: new Date().toISOString(),
    kernel: text('/proc/sys/kernel/osrelease'),
    distribution: /^PRETTY_NAME="?([^"\n]*)/m.exec(text('/etc/os-release'))?.[1] ?? 'unknown',
    made_by: madeBy,
    anonymised: false,
    self: host.self,
  };
}

// F: files with capabilities: the program that the target runs, and, when asked, all of its file systems.

import type { FileCapabilities } from '../../capabilities/file-capabilities.ts';
import { CAPABILITY } from '../../kernel/abi/capability.ts';
import { libcapNames } from '../../capabilities/spelling.ts';
import { check, type Check } from './check.ts';
import type { Found } from './findings.ts';

/** What would make its user root, or close to it. */
const DANGEROUS =
  CAPABILITY.CHOWN |
  CAPABILITY.DAC_OVERRIDE |
  CAPABILITY.DAC_READ_SEARCH |
  CAPABILITY.FOWNER |
  CAPABILITY.SETFCAP |
  CAPABILITY.SETUID |
  CAPABILITY.SETGID |
  CAPABILITY.SYS_ADMIN |
  CAPABILITY.SYS_MODULE |
  CAPABILITY.SYS_PTRACE |
  CAPABILITY.SYS_RAWIO |
  CAPABILITY.BPF;

/** Programs that do what their arguments say: whoever may run one has its capabilities. */
const INTERPRETER =
  /(?:^|\/)(?:python|perl|ruby|node|nodejs|php|lua|luajit|tclsh|bash|dash|ash|zsh|ksh|sh|busybox|gdb|awk|gawk|mawk|vim?|nvim|emacs|java|env|xargs|find|tar|rsync|socat|nc|ncat|cp|dd)[0-9.]*$/;

export const fileChecks: readonly Check[] = [
  check(
    'F1',
    'high',
    'all',
    ['filesWithCapabilities', 'standing', 'all'],
    ({ filesWithCapabilities, standing, all }, severity) => {
      const { files, gaps } = filesWithCapabilities;
      const found = files.flatMap(({ path, capabilities }): readonly Found[] => {
        const permitted = capabilities.permitted & all;
        if ((permitted & DANGEROUS) === 0n) return [];
        const names = permitted === all ? ['all'] : libcapNames(permitted);
        const args = { path, capabilities: names, interpreter: INTERPRETER.test(path) };
        const weight = standing.scope === 'namespace' ? 'low' : severity;
        return [{ severity: weight, args, evidence: [`security.capability of ${path}: ${setsOf(capabilities)}`] }];
      });
      return [...found.toSorted((a, b) => Number(isOfInterpreter(b)) - Number(isOfInterpreter(a))), ...gaps];
    },
  ),

  check('F2', 'info', 'all', ['executable', 'sets', 'all', 'pid'], ({ executable, sets, all, pid }, severity) => {
    const capabilities = executable?.capabilities ?? null;
    if (executable === null || capabilities === null || !capabilities.effective) return [];
    // What it is permitted is what the bounding set leaves of the file's, and what both may inherit.
    const missing = capabilities.permitted & all & ~(sets.bounding | (capabilities.inheritable & sets.inheritable));
    if (missing === 0n) return [];
    return [
      {
        severity,
        args: { path: executable.path, missing: libcapNames(missing) },
        evidence: [evidenceOf(pid, capabilities)],
      },
    ];
  }),

  check('F3', 'info', 'all', ['executable', 'user', 'pid'], ({ executable, user, pid }, severity) => {
    const capabilities = executable?.capabilities ?? null;
    if (executable === null || capabilities === null || capabilities.revision !== 3) return [];
    const { rootid } = capabilities;
    // The kernel gives us the id as we have it; it counts where that is uid 0.
    const isRoot = user.uids?.some(({ inside, here }) => inside === 0 && here === rootid) ?? false;
    if (isRoot) return [];
    return [{ severity, args: { path: executable.path, rootid }, evidence: [evidenceOf(pid, capabilities)] }];
  }),

  check('F4', 'info', 'all', ['executable', 'mounts', 'pid'], ({ executable, pid }, severity) => {
    if (executable === null || executable.mount === null || !executable.mount.options.includes('nosuid')) return [];
    const setuid = (executable.file.mode & SETUID) !== 0;
    const capable = executable.capabilities !== null;
    if (!setuid && !capable) return [];
    const args = { path: executable.path, mount: executable.mount.mountPoint, setuid, capabilities: capable };
    return [{ severity, args, evidence: [`/proc/${pid}/mountinfo: ${executable.mount.mountPoint} nosuid`] }];
  }),
];

/** S_ISUID or S_ISGID. */
const SETUID = 0o6000;

function isOfInterpreter({ args }: Found): boolean {
  return args?.['interpreter'] === true;
}

function evidenceOf(pid: number, capabilities: FileCapabilities): string {
  return `security.capability of /proc/${pid}/exe: ${setsOf(capabilities)}`;
}

function setsOf({ permitted, inheritable, effective, rootid }: FileCapabilities): string {
  const names = [`permitted ${libcapNames(permitted).join(',')}`, `inheritable ${libcapNames(inheritable).join(',')}`];
  return `${names.join(' ')}${effective ? ' effective' : ''} rootid ${rootid}`;
}

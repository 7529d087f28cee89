// Rules of the kernel by which something is refused, as data for texts.

/** Why a step is refused, and what would do. */
export interface Rule {
  readonly why: string;
  readonly tryThis?: string;
}

export interface Refusal extends Rule {
  readonly what: string;
}

export const notADescendant = 'it is not below our own pid namespace: only children and theirs can be entered';

export const noChroot: Refusal = {
  what: 'cannot change the root: EPERM',
  why: 'that needs CAP_SYS_CHROOT in our own user namespace; with --user it would be had, if it is yours',
};

export const noRoot: Refusal = {
  what: 'cannot change the root: ENOTDIR',
  why: 'what was named as the root is no directory',
};

export const noCopy: Refusal = {
  what: "cannot put the target's file system below /target: EPERM",
  why: 'to copy its mounts needs CAP_SYS_ADMIN in the user namespace that owns them: that of the target may lie below (bwrap)',
  tryThis: 'the same command with sudo',
};

export const noGroups: Refusal = {
  what: 'cannot drop supplementary groups: EPERM',
  why: 'a change of the gid drops them, which needs CAP_SETGID, and setgroups not denied there',
};

/** An id that may not be taken. */
export function noId(what: 'uid' | 'gid', id: string): Refusal {
  return {
    what: `cannot become ${id}: EPERM`,
    why: `that needs CAP_SET${what.toUpperCase()} in the user namespace of the command`,
  };
}

export const deadInit: Refusal = {
  what: 'cannot start a process in the pid namespace: ENOMEM',
  why: 'its first process has ended, and nothing can be started in it any more',
};

// The securebits, which say what a thread's uid does to its capabilities. Source: capabilities(7), linux/securebits.h.

/** By bit; the bit after each locks it. */
const NAMES: Readonly<Record<number, string>> = {
  0: 'noroot',
  2: 'no_setuid_fixup',
  4: 'keep_caps',
  6: 'no_cap_ambient_raise',
  // Since: Linux 6.14.
  8: 'exec_restrict_file',
  10: 'exec_deny_interactive',
};

/** Root's uid gives no capabilities at execve(2). */
export const SECBIT_NOROOT = 1;
/** Permitted capabilities outlive the change from root to another uid; execve(2) clears it. */
export const SECBIT_KEEP_CAPS = 0x10;

/** As setpriv(1) spells them: `noroot`, `noroot_locked`; a bit without a name as `bit_12`. Ascending. */
export function securebitNames(bits: number): readonly string[] {
  return Array.from({ length: 32 }, (_, bit) => bit)
    .filter((bit) => ((bits >>> bit) & 1) === 1)
    .map((bit) => {
      const locked = NAMES[bit - 1];
      return NAMES[bit] ?? (locked === undefined ? `bit_${bit}` : `${locked}_locked`);
    });
}

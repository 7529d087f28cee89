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

/** Nothing more can be made ambient. Since: Linux 4.3. */
export const SECBIT_NO_CAP_AMBIENT_RAISE = 0x40;

/** Every name, those of the locks too. */
export const securebitWords: readonly string[] = Object.values(NAMES).flatMap((name) => [name, `${name}_locked`]);

const ALL = 0xfff;

/** A number up to 0xfff, or names; else the word that is neither. */
export function parseSecurebits(text: string): number | { readonly unknown: string } {
  const number = /^(?:0x[0-9a-fA-F]{1,3}|[0-9]{1,4})$/.test(text) ? Number(text) : undefined;
  if (number !== undefined && number <= ALL) return number;
  let bits = 0;
  for (const word of text.split(',')) {
    const bit = securebitWords.indexOf(word);
    if (bit < 0) return { unknown: word };
    bits |= 1 << bit;
  }
  return bits;
}

/** As setpriv(1) spells them: `noroot`, `noroot_locked`; a bit without a name as `bit_12`. Ascending. */
export function securebitNames(bits: number): readonly string[] {
  return Array.from({ length: 32 }, (_, bit) => bit)
    .filter((bit) => ((bits >>> bit) & 1) === 1)
    .map((bit) => {
      const locked = NAMES[bit - 1];
      return NAMES[bit] ?? (locked === undefined ? `bit_${bit}` : `${locked}_locked`);
    });
}

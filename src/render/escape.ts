// Text that came from another process can hold anything: escape sequences that drive the terminal, newlines that forge
// a row, marks that turn the direction of reading. In text output all of it is shown, none of it acts.

/** C0 and C1 controls, DEL, line and paragraph separators, bidi and invisible format characters, lone surrogates. */
const hostile =
  // eslint-disable-next-line no-control-regex -- these are the very characters to find
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]|[\ud800-\udfff]/gu;

const short: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

const harmless = /^[\x20-\x7e]*$/;

export function escapeControls(text: string): string {
  if (harmless.test(text)) return text;
  return text.replaceAll(hostile, (character) => {
    const known = short[character];
    if (known !== undefined) return known;
    const code = character.codePointAt(0) ?? 0;
    if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
    return code < 0x10000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** One word of raw output: blanks and backslashes are escaped too, and nothing is an empty word. */
export function escapeWord(text: string): string {
  const escaped = text.replaceAll('\\', '\\x5c').replaceAll(/[ \n\r\t]/g, (blank) => {
    return `\\x${(blank.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`;
  });
  return escapeControls(escaped);
}

// The layers of an overlay, from the options of its mount in mountinfo. Source: fs/overlayfs/params.c
// ovl_show_options(), seq_show_option() in include/linux/seq_file.h, Documentation/filesystems/overlayfs.rst.

import { unescapeOctal, type Mount } from './mountinfo.ts';

/** Directories as they were named when the overlay was mounted: in the mount namespace, and from the directory, of then. */
export interface OverlayOptions {
  /** From the top down, as the kernel looks things up. */
  readonly lower: readonly string[];
  /** Layers that hold contents only, none of whose names are seen. Since: Linux 6.5. */
  readonly data: readonly string[];
  /** Absent (null) where nothing can be written. */
  readonly upper: string | null;
}

/** Source: OVL_MAX_STACK in fs/overlayfs/params.h. */
const MAX_LAYERS = 500;

/** undefined: there are no layers in it, or more than the kernel takes. */
export function parseOverlayOptions({ superOptions }: Mount): OverlayOptions | undefined {
  const lower: string[] = [];
  const data: string[] = [];
  let upper: string | null = null;
  for (const option of superOptions) {
    const equals = option.indexOf('=');
    const text = unescapeOctal(option.slice(equals + 1));
    switch (option.slice(0, Math.max(equals, 0))) {
      case 'lowerdir':
        splitLayers(text, lower, data);
        break;
      // One option a layer, and no escapes but those of mountinfo. Since: Linux 6.8.
      case 'lowerdir+':
        lower.push(text);
        break;
      case 'datadir+':
        data.push(text);
        break;
      case 'upperdir':
        upper = unescapeBackslashes(text);
        break;
    }
  }
  const count = lower.length + data.length;
  return count === 0 || count > MAX_LAYERS ? undefined : { lower, data, upper };
}

/** Between layers stands a colon, before one of data two; a backslash takes the meaning from what follows it. */
function splitLayers(text: string, lower: string[], data: string[]): void {
  let into = lower;
  let before = '';
  for (const part of text.match(/(?:[^:\\]|\\.?)+|:+/gs) ?? []) {
    if (!part.startsWith(':')) into.push(unescapeBackslashes(part));
    else if (before !== '' && part.length > 1) into = data;
    before = part;
  }
}

function unescapeBackslashes(text: string): string {
  return text.replaceAll(/\\(.)/gs, '$1');
}

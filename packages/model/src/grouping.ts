/** What hosts are shown, ruled and configured together by: one group at most, and labels. */

/** 1 to 32 characters; a space only between two others. */
export const GROUP_PATTERN = /^[A-Za-z0-9](?:[A-Za-z0-9 _.-]{0,30}[A-Za-z0-9_.-])?$/;
export const LABEL_KEY_PATTERN = /^[a-z][a-z0-9_.-]{0,31}$/;
/** Most labels of one host. */
export const MAX_LABELS = 32;

const GROUP_RULE = "1 to 32 letters, digits, spaces, '_', '.', '-', beginning with a letter or digit and not ending in a space";
const LABEL_KEY_RULE = "1 to 32 of a-z, 0-9, '_', '.', '-', beginning with a letter";
/** Control, format and unassigned characters, line ends, and spaces at an end cannot be seen. */
const LABEL_VALUE_PATTERN = /^(?!\s)[^\p{C}\p{Zl}\p{Zp}]{1,63}(?<!\s)$/u;

/** Null if it can be the name of a group, else a sentence that says what can. */
export function groupProblem(group: string): string | null {
  return GROUP_PATTERN.test(group) ? null : `${JSON.stringify(group)} is no name of a group: ${GROUP_RULE}`;
}

/** Null if these can be a host's labels, else a sentence about the first that cannot. */
export function labelsProblem(labels: Readonly<Record<string, string>>): string | null {
  const entries = Object.entries(labels);
  if (entries.length > MAX_LABELS) return `${entries.length} labels are too many: a host has ${MAX_LABELS} at most`;
  for (const [key, value] of entries) {
    if (!LABEL_KEY_PATTERN.test(key)) return `${JSON.stringify(key)} is no name of a label: ${LABEL_KEY_RULE}`;
    if (!LABEL_VALUE_PATTERN.test(value)) {
      return `the value ${JSON.stringify(value)} of label ${key} cannot be used: 1 to 63 characters that can be seen, without space at an end`;
    }
  }
  return null;
}

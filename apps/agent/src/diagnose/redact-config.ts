import { redactUrl } from '@hostwire/service';

const REDACTED = '(redacted)';
/** Keys whose values are not shown, whatever they are. */
const SECRET_KEY = /token|passw|secret|credential|auth|api_?key|community|cookie|headers|(^|_)key$/i;
/** Names of files are no secrets. */
const FILE_KEY = /(_file|_path)$/;
/** What is sent to a service and what it must answer: a password of Redis is both. */
const TALK_KEY = /^(send|expect|expect_text|body)$/;
/** Command lines: what is run may be known, what it is told not. */
const COMMAND_KEY = /^(command|args|argv)$/;

/**
 * A configuration that may be shown: nothing that is, or could be, a secret. Of a command only its first word, of a URL neither
 * user nor query, of what is said to a service nothing.
 */
export function redactConfig(value: unknown, key = ''): unknown {
  if (typeof value === 'boolean' || typeof value === 'number' || value === null || value === undefined) return value;
  if (SECRET_KEY.test(key) && !FILE_KEY.test(key)) return REDACTED;
  if (TALK_KEY.test(key) && value !== '') return REDACTED;
  if (Array.isArray(value)) {
    if (COMMAND_KEY.test(key)) return value.map((word, index) => (index === 0 && typeof word === 'string' ? word : REDACTED));
    return value.map((inner) => redactConfig(inner, key));
  }
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, redactConfig(inner, name)]));
  return typeof value === 'string' ? redactText(value, key) : REDACTED;
}

function redactText(text: string, key: string): string {
  // A socket is asked for a path that has a query as a URL has.
  if (!text.includes('://') && key !== 'path') return text;
  return redactUrl(text)
    .replace(/(:\/\/)[^/\s?#@]*@/g, `$1${REDACTED}@`)
    .replace(/[?#].*$/s, `?${REDACTED}`);
}

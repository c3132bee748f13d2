/**
 * A test for topics that an MQTT filter matches (MQTT 3.1.1 section 4.7), also for `$share/<group>/<filter>` (MQTT 5
 * section 4.8.2). A filter that begins with a wildcard does not match topics that begin with `$` (4.7.2).
 */
export function topicFilter(filter: string): (topic: string) => boolean {
  const shared = /^\$share\/[^/]+\/(.*)$/s.exec(filter);
  const plain = shared?.[1] ?? filter;
  if (!/[+#]/.test(plain)) return (topic) => topic === plain;
  const levels = plain.split('/');
  const open = levels.at(-1) === '#';
  if (open) levels.pop();
  const pattern = levels.map((level) => (level === '+' ? '[^/]*' : level.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))).join('/');
  const guard = /^[+#]/.test(plain) ? '(?!\\$)' : '';
  const tail = !open ? '' : levels.length === 0 ? '.*' : '(?:/.*)?';
  const expression = new RegExp(`^${guard}${pattern}${tail}$`, 's');
  return (topic) => expression.test(topic);
}

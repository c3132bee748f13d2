/** Text with the password of a URL's user part (RFC 3986 section 3.2.1) as `***`: fit for a log. */
export function redactUrl(text: string): string {
  // A bounded scheme: the time grows with the text, not with its square.
  return text.replace(/([a-z][a-z0-9+.-]{0,31}:\/\/[^/\s?#:@]*):[^/\s?#]*@/gi, '$1:***@');
}

/**
 * The key in an Authorization header. Basic is read only where a browser asks by itself: its password is the key, and its
 * user name can be anything. Elsewhere a browser would send it along with requests that other sites make it send.
 */
export function keyIn(header: string | undefined, acceptsBasic: boolean): string | null {
  const [, scheme = '', value = ''] = /^(\S+) +(\S+)$/.exec(header ?? '') ?? [];
  if (/^bearer$/i.test(scheme)) return value;
  if (!acceptsBasic || !/^basic$/i.test(scheme)) return null;
  const text = Buffer.from(value, 'base64').toString('utf8');
  return text.slice(text.indexOf(':') + 1);
}

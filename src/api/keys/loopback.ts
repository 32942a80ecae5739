/** Whether this host, as a setting or a Host header names it, can be reached from this machine alone. */
export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host);
}

/** The host of a Host header, without its port. */
export function hostOf(header: string): string {
  return header.replace(/:\d*$/, '');
}

/** Where this browser found the server, with a slash at the end: also below a path that a proxy puts it under. */
export function serverUrl(): string {
  return document.baseURI.replace(/[^/]*([#?].*)?$/, '')
}

/**
 * Base64 in its two alphabets: the protocol wants subscription keys padded and standard, VAPID keys come
 * as base64url. Source: RFC 4648 §4 and §5.
 */

export function toBase64(bytes: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(bytes)))
}

export function toBase64url(bytes: ArrayBuffer): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '')
}

/** Accepts both alphabets, padded or not. Throws on any other character. */
export function fromBase64url(text: string): Uint8Array<ArrayBuffer> {
  const standard = text.replaceAll('-', '+').replaceAll('_', '/')
  return Uint8Array.from(atob(standard), character => character.charCodeAt(0))
}

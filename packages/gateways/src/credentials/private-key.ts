/** Reading a private key from PEM; the reader's own error is not kept, it may quote the file. */
import { createPrivateKey, type KeyObject } from 'node:crypto'

/** `undefined` when it can't be read. The passphrase is only used when the key is encrypted. */
export function readPrivateKey(pem: string, passphrase?: string): KeyObject | undefined {
  try {
    return createPrivateKey({ key: pem, ...(passphrase === undefined ? {} : { passphrase }) })
  } catch {
    return undefined
  }
}

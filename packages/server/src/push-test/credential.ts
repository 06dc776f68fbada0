/** A credential that comes with a test and is never stored. */
import { type NewCredential, PushError } from '@roost/protocol'
import { readContent } from '../credentials/content.ts'
import type { Tested } from './clients.ts'

/** `at`: ms. Throws `credential_invalid` with what is wrong. */
export function readGivenCredential(inline: NewCredential, at: number): Tested {
  // For a slot a fresh pair would be made; no subscription was ever made with one.
  if (inline.gateway === 'webpush' && inline.publicKey === undefined)
    throw new PushError('credential_invalid', 'VAPID: give the key pair that the subscription was made with')
  return { ...readContent(inline, at), gateway: inline.gateway }
}

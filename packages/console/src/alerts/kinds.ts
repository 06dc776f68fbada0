/** Which alerts cannot wait: messages do not arrive, or devices are about to be lost. */
import type { AlertKind } from '@roost/protocol'

const BAD: readonly AlertKind[] = [
  'deaths_held',
  'wrong_credential',
  'mass_inactive',
  'queue_age',
  'credential_refused',
  'message_incident',
]

export function isBad(kind: AlertKind): boolean {
  return BAD.includes(kind)
}

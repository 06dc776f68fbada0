/** Reasons that every gateway's client may give: those of the wire, of sign-in, and of what is refused before it is sent. */
import type { MeaningRow } from '../meaning.ts'

export const COMMON_MEANINGS: readonly MeaningRow[] = [
  {
    pattern: /^content_unreadable$/,
    meaning: 'What is stored of this credential can’t be used any more.',
    remedy: 'Upload it again.',
  },
  {
    pattern: /^payload_too_large/,
    meaning:
      'The message is larger than the gateway takes; Roost did not send it. The reason names the biggest parts.',
    remedy:
      'Shorten the text or the data. What is long belongs on a server of yours, with its id in the data.',
  },
  {
    pattern: /^reserved_field: /,
    meaning: 'The message has a key of a name that Roost sets for each device; Roost did not send it.',
    remedy: 'Choose another name for that key.',
  },
  {
    pattern: /^token endpoint: .*(invalid_grant|invalid_client|account not found|Invalid JWT)/i,
    kind: 'credential_fault',
    meaning:
      'Signing in failed: the key was deleted or replaced, its account no longer exists, or this machine’s clock is minutes off.',
    remedy:
      'Set the clock (NTP). If it is right, make a new key at the vendor’s console and replace the credential.',
  },
  {
    pattern: /^token endpoint: /,
    kind: 'credential_fault',
    meaning: 'Signing in failed: the vendor gives no access token for this credential.',
    remedy: 'Compare id and secret with the vendor’s console, and replace the credential.',
  },
  {
    pattern: /^token endpoint: /,
    meaning: 'No access token could be had: the vendor’s sign-in can’t be reached or is overloaded.',
    remedy: 'See that this machine may reach the sign-in host (HTTPS, port 443), and try again.',
  },
  {
    pattern: /certificate|self.signed|unable to verify/i,
    kind: 'not_sent',
    meaning: 'The gateway’s certificate is not trusted; nothing was sent.',
    remedy:
      'A proxy that opens TLS needs its root in ROOST_EXTRA_CA; else see where the gateway’s URL points to.',
  },
  {
    pattern: /ENOTFOUND|EAI_AGAIN/,
    kind: 'not_sent',
    meaning: 'The gateway’s name can’t be resolved; nothing was sent.',
    remedy: 'See that this machine has a working name server and Internet access, and try again.',
  },
  {
    pattern: /^(could not connect|waiting for)|ECONNREFUSED|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH/,
    kind: 'not_sent',
    meaning: 'The gateway can’t be reached from here; nothing was sent.',
    remedy: 'See that the firewall lets this machine out to the gateway’s host, port 443, and try again.',
  },
]

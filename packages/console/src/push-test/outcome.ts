/** The kinds of outcomes of a test. "Accepted" is never called "delivered": only a device could say that. */

export interface OutcomeLook {
  readonly title: string
  readonly color: 'teal' | 'red' | 'orange'
}

const LOOKS: Readonly<Record<string, OutcomeLook>> = {
  accepted: { title: 'Accepted by the gateway', color: 'teal' },
  address_dead: { title: 'Refused: the address is gone', color: 'red' },
  address_mismatch: { title: 'Refused: the address does not fit the credential', color: 'red' },
  message_fault: { title: 'Refused: the message can’t be sent as it is', color: 'red' },
  credential_fault: { title: 'Refused: the credential', color: 'red' },
  retry: { title: 'Not now: the gateway asks to come again', color: 'orange' },
  not_sent: { title: 'Not sent', color: 'orange' },
  uncertain: { title: 'Uncertain: sent, and no answer came', color: 'orange' },
}

export function tellOutcome(kind: string): OutcomeLook {
  return LOOKS[kind] ?? { title: kind, color: 'orange' }
}

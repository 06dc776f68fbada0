/** The colours of the outcomes of a test. "Accepted" is never called "delivered": only a device could say that. */

const COLORS: Readonly<Record<string, string>> = {
  accepted: 'teal',
  address_dead: 'red',
  address_mismatch: 'red',
  message_fault: 'red',
  credential_fault: 'red',
}

/** Orange where it is not known, or may be otherwise the next time. */
export function colorOfOutcome(kind: string): string {
  return COLORS[kind] ?? 'orange'
}

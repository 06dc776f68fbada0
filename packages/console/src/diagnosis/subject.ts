/** Whom a diagnosis is of, as the address bar holds it; a token never gets there, since it is a secret of the device. */

export const SUBJECT_KINDS = ['device', 'user', 'token'] as const
export type SubjectKind = (typeof SUBJECT_KINDS)[number]

export interface Subject {
  readonly kind: SubjectKind
  readonly name: string
}

export interface SubjectSearch {
  readonly device?: string
  readonly user?: string
}

export function subjectOf({ device, user }: SubjectSearch): Subject | undefined {
  if (device) return { kind: 'device', name: device }
  return user ? { kind: 'user', name: user } : undefined
}

export function searchOf({ kind, name }: Subject): SubjectSearch {
  return kind === 'token' ? {} : { [kind]: name }
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** A message is named by its id, or by the address of its page. */
export function messageIn(text: string): string | undefined {
  const last = text
    .trim()
    .split(/[/?#]/)
    .findLast(part => UUID.test(part))
  return last?.toLowerCase()
}

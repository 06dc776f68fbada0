/**
 * The registration tokens and installation ids that FCM knows, and what became of them.
 *
 * A dead registration token stays dead; an installation id may register again.
 * Source: Firebase, "Best practices for FCM registration token management"; firebase-admin for installation ids.
 */
import { type Random, randomBase64url } from '../randomness.ts'
import type { FcmRefusal } from './refusals.ts'

export interface IssueRegistrationTokenOptions {
  readonly projectId: string
  /** Default `token`; `fid` gives a Firebase installation id. */
  readonly kind?: 'token' | 'fid'
  /** What the app runs on, default android: a dead token of an iOS app is refused in another form. */
  readonly platform?: 'android' | 'ios'
}

interface RegistrationToken {
  readonly projectId: string
  readonly kind: 'token' | 'fid'
  readonly platform: 'android' | 'ios'
  isDead: boolean
}

/** A token that FCM once gave to somebody looks like this; any other text is malformed to it. */
const TOKEN_SHAPE = /^[\w-]{22}:APA91b[\w-]{134}$/
const FID_SHAPE = /^[cdef][\w-]{21}$/

export class RegistrationTokens {
  readonly #random: Random
  readonly #tokens = new Map<string, RegistrationToken>()

  constructor(random: Random) {
    this.#random = random
  }

  issue(options: IssueRegistrationTokenOptions): string {
    const { projectId, kind = 'token', platform = 'android' } = options
    const id = installationId(this.#random)
    const token = kind === 'fid' ? id : `${id}:APA91b${randomBase64url(this.#random, 134)}`
    this.#tokens.set(token, { projectId, kind, platform, isDead: false })
    return token
  }

  kill(token: string): void {
    this.#known(token).isDead = true
  }

  revive(token: string): void {
    this.#known(token).isDead = false
  }

  /** What FCM says to a message for this token, or undefined when it takes it. */
  check(token: string, kind: 'token' | 'fid', projectId: string): FcmRefusal | undefined {
    const known = this.#tokens.get(token)
    if (known === undefined || known.kind !== kind) {
      const isWellFormed = (kind === 'fid' ? FID_SHAPE : TOKEN_SHAPE).test(token)
      return { form: isWellFormed ? 'unregistered' : 'malformed_token' }
    }
    if (known.projectId !== projectId) return { form: 'sender_id_mismatch' }
    if (!known.isDead) return undefined
    return { form: known.platform === 'ios' ? 'apns_disabled' : 'unregistered' }
  }

  #known(token: string): RegistrationToken {
    const known = this.#tokens.get(token)
    if (known === undefined) throw new Error('this registration token was not issued here')
    return known
  }
}

/** 22 base64url characters that begin with the bits 0111. */
function installationId(random: Random): string {
  return 'cdef'.charAt(Math.floor(random() * 4)) + randomBase64url(random, 21)
}

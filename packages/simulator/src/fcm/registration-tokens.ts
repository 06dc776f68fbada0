/**
 * The registration tokens and installation ids that FCM knows, and what became of them.
 *
 * A dead registration token stays dead; an installation id may register again, since it belongs to the Installations
 * service and not to FCM. Tokens of iOS apps stand for an APNs token behind them, whose end Google tells in two forms.
 * Source: Firebase, "Best practices for FCM registration token management"; firebase-admin for installation ids.
 */
import { flat, type Random, randomBase64url } from '../randomness.ts'
import type { FcmPlatform } from './message.ts'
import type { FcmRefusal } from './refusals.ts'

export interface IssueRegistrationTokenOptions {
  readonly projectId: string
  /** Default `token`; `fid` gives a Firebase installation id. */
  readonly kind?: 'token' | 'fid'
  /** What the app runs on, default android: a dead token of an iOS app is refused in another form. */
  readonly platform?: FcmPlatform
  /** The Android package; when it is known, `restricted_package_name` must be the same. */
  readonly packageName?: string
  /** In place of the stand-in's own: whoever asks by a seed gets the same token, whatever else was drawn. */
  readonly random?: Random
}

/** How the end of an iOS app's token is told; has no meaning on Android. */
export interface KillRegistrationTokenOptions {
  /** Default `apns_disabled`, the newer one with status 400. */
  readonly form?: 'apns_disabled' | 'unregistered'
  /** What APNs told Google, default Unregistered. */
  readonly apnsReason?: string
}

interface RegistrationToken {
  readonly projectId: string
  readonly kind: 'token' | 'fid'
  readonly platform: FcmPlatform
  readonly packageName: string | undefined
  death: KillRegistrationTokenOptions | undefined
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
    const { projectId, kind = 'token', platform = 'android', packageName, random = this.#random } = options
    const id = installationId(random)
    const token = kind === 'fid' ? id : flat(`${id}:APA91b${randomBase64url(random, 134)}`)
    this.#tokens.set(token, { projectId, kind, platform, packageName, death: undefined })
    return token
  }

  kill(token: string, options: KillRegistrationTokenOptions = {}): void {
    this.#known(token).death = options
  }

  revive(token: string): void {
    this.#known(token).death = undefined
  }

  /** An app that comes back under its installation id. */
  registerAgain(fid: string): void {
    if (this.#known(fid).kind !== 'fid')
      throw new Error('only an installation id registers again: an app gets a new registration token')
    this.revive(fid)
  }

  platformOf(token: string): FcmPlatform {
    return this.#tokens.get(token)?.platform ?? 'android'
  }

  isAlive(token: string): boolean {
    const known = this.#tokens.get(token)
    return known !== undefined && known.death === undefined
  }

  /** What FCM says to a message for this token, or undefined when it takes it. */
  check(token: string, kind: 'token' | 'fid' | 'any', projectId: string): FcmRefusal | undefined {
    const known = this.#tokens.get(token)
    if (known === undefined || (kind !== 'any' && known.kind !== kind)) {
      const isWellFormed = (kind === 'fid' ? FID_SHAPE : TOKEN_SHAPE).test(token)
      return { form: isWellFormed ? 'unregistered' : 'malformed_token' }
    }
    if (known.projectId !== projectId) return { form: 'sender_id_mismatch' }
    return known.death === undefined ? undefined : deathOf(known, known.death)
  }

  /** `restricted_package_name` of a message against the token's own. */
  checkPackage(token: string, restricted: string | undefined): FcmRefusal | undefined {
    const packageName = this.#tokens.get(token)?.packageName
    if (restricted === undefined || packageName === undefined || restricted === packageName) return undefined
    return {
      form: 'invalid_argument',
      description: 'The restricted package name does not match the package of the app.',
    }
  }

  #known(token: string): RegistrationToken {
    const known = this.#tokens.get(token)
    if (known === undefined) throw new Error('this registration token was not issued here')
    return known
  }
}

function deathOf(known: RegistrationToken, death: KillRegistrationTokenOptions): FcmRefusal {
  if (known.platform !== 'ios') return { form: 'unregistered' }
  const { form = 'apns_disabled', apnsReason = 'Unregistered' } = death
  return { form, apnsReason }
}

/** 22 base64url characters that begin with the bits 0111. */
function installationId(random: Random): string {
  return flat('cdef'.charAt(Math.floor(random() * 4)) + randomBase64url(random, 21))
}

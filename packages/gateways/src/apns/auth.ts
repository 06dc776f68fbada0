/**
 * Who we are to APNs: a team by its signed JWT (the provider token), or an app by its client certificate.
 *
 * One minting place for each (team, key), shared by both environments and every client: Apple refuses a token
 * older than 60 minutes and answers 429 TooManyProviderTokenUpdates to one changed within 20. Several places
 * that mint on their own, or that renew at each 403, are the usual cause of that answer. A token that is of a time to come,
 * since the clock was ahead, is refused until then, so it is replaced as soon as the clock is right.
 * Source: Apple, "Establishing a token-based connection to APNs" and "Establishing a certificate-based connection to
 * APNs".
 */
import type { KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { ageOf, type Clock } from '../clock.ts'
import { mustParse, parseP8 } from '../credentials.ts'
import type { ClientCertificate } from '../transport.ts'
import { TOKEN_MIN_AGE_MS, TOKEN_RENEW_AFTER_MS } from './settings.ts'

export type ApnsCredential = ApnsTokenCredential | ApnsCertificateCredential

export interface ApnsTokenCredential {
  readonly kind?: 'p8'
  /** 10 characters, from the key's page. */
  readonly keyId: string
  /** 10 characters, from the membership page. */
  readonly teamId: string
  readonly bundleId: string
  /** The PEM text of the `.p8` file. */
  readonly p8: string
}

export interface ApnsCertificateCredential {
  readonly kind: 'p12'
  /** Of the app; must be the certificate's. */
  readonly bundleId: string
  /** PEM, as `parseP12` and `parsePemCertificate` give them. */
  readonly certificate: ClientCertificate
}

export interface ProviderTokens {
  /** The token in use; minted at first need and every 45 minutes. */
  current(credential: ApnsTokenCredential): Promise<string>
  /** The same where it is there and young enough; undefined when `current` would mint one. It is asked before every push. */
  ready(credential: ApnsTokenCredential): string | undefined
  /**
   * Another token than `refused`, or `undefined` when the one in use is the refused one and under 20 minutes
   * old: then the fault is elsewhere (most likely our clock) and a new one would be refused as well.
   */
  replace(credential: ApnsTokenCredential, refused: string): Promise<string | undefined>
}

interface Minted {
  readonly token: Promise<string>
  readonly at: number
  /** Once it is signed. */
  text: string | undefined
}

/** Make one for the process and give it to all APNs clients. */
export function createProviderTokens({ clock }: { readonly clock: Clock }): ProviderTokens {
  const minted = new Map<string, Minted>()

  function mint(credential: ApnsTokenCredential): Promise<string> {
    const signing = sign(credential, mustParse(parseP8(credential.p8)), clock)
    const token = signing.then(text => {
      fresh.text = text
      return text
    })
    const fresh: Minted = { token, at: clock.now(), text: undefined }
    minted.set(keyOf(credential), fresh)
    return token
  }

  function young(credential: ApnsTokenCredential): Minted | undefined {
    const known = minted.get(keyOf(credential))
    return known && ageOf(known.at, clock.now()) < TOKEN_RENEW_AFTER_MS ? known : undefined
  }

  return {
    current: async credential => young(credential)?.token ?? mint(credential),
    ready: credential => young(credential)?.text,
    replace: async (credential, refused) => {
      const known = minted.get(keyOf(credential))
      if (!known) return mint(credential)
      const token = await known.token
      // Somebody else may have replaced it while we waited: what stands there now decides.
      const now = minted.get(keyOf(credential)) ?? known
      if (now !== known || token !== refused) return now.token
      return ageOf(known.at, clock.now()) < TOKEN_MIN_AGE_MS ? undefined : mint(credential)
    },
  }
}

/** Made once for each: a key's text is long, and this is asked before every push. */
const keys = new WeakMap<ApnsTokenCredential, string>()

/** A replaced key under the same id is another key. */
function keyOf(credential: ApnsTokenCredential): string {
  const known = keys.get(credential)
  if (known !== undefined) return known
  const { teamId, keyId, p8 } = credential
  const key = `${teamId} ${keyId} ${p8}`
  keys.set(credential, key)
  return key
}

function sign({ keyId, teamId }: ApnsTokenCredential, key: KeyObject, clock: Clock): Promise<string> {
  return new SignJWT()
    .setProtectedHeader({ alg: 'ES256', kid: keyId })
    .setIssuer(teamId)
    .setIssuedAt(Math.floor(clock.now() / 1000))
    .sign(key)
}

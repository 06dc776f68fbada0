/**
 * Waves of mismatches: when the gateway knows hardly any address that a credential is used for, the credential is of
 * another app, environment or project, and not each address (race E2, R14). Nothing is quarantined then; when nothing at
 * all was accepted, the credential (or the part of it) pauses like one that was refused, and the deliveries wait.
 *
 * The evidence is this process's own, of the last thousand or so results; after a restart it begins with doubt. That a
 * content was ever accepted is stored (`credential_proof`): such a one pauses for no wave, since tokens come from clients
 * and anybody can register strange ones.
 */
import type { Trust } from '../hygiene/results.ts'

/** Fewer tell nothing: a developer's three phones may all be of the other environment. */
const WAVE_MIN = 10
const WAVE_SHARE = 0.2
const WINDOW = 1000
/** Contents of credentials come and go; each costs a few bytes. */
const REMEMBERED = 10_000

interface Evidence {
  accepted: number
  mismatched: number
}

export type WaveVerdict = Trust | 'wave'

export class Waves {
  readonly #evidence = new Map<string, Evidence>()

  /** `key`: a credential's content and the part of it that served. */
  note(key: string, result: 'accepted' | 'mismatched'): void {
    const evidence = this.#evidenceOf(key)
    evidence[result]++
    if (evidence.accepted + evidence.mismatched <= WINDOW) return
    evidence.accepted /= 2
    evidence.mismatched /= 2
  }

  /** What a mismatch proves about its address, by all that was noted until now. */
  judge(key: string): WaveVerdict {
    const { accepted, mismatched } = this.#evidenceOf(key)
    if (accepted === 0) return mismatched >= WAVE_MIN ? 'wave' : 'little'
    const isMany = mismatched >= WAVE_MIN && mismatched > (accepted + mismatched) * WAVE_SHARE
    return isMany ? 'little' : 'full'
  }

  #evidenceOf(key: string): Evidence {
    const known = this.#evidence.get(key)
    if (known !== undefined) return known
    if (this.#evidence.size >= REMEMBERED) this.#evidence.clear()
    const fresh = { accepted: 0, mismatched: 0 }
    this.#evidence.set(key, fresh)
    return fresh
  }
}

const WAVE_WORDS: Readonly<Record<string, string>> = {
  BadDeviceToken: 'the app and this credential are of different environments',
  DeviceTokenNotForTopic: 'the credential is of another app than the addresses',
  SENDER_ID_MISMATCH: 'the credential is of another project than the addresses',
  vapid_key_mismatch: 'the subscriptions were made with another key',
}

/** For people. */
export function waveReason(reason: string): string {
  const words = WAVE_WORDS[reason] ?? 'the credential may be of another app'
  return `${reason} for every address that was tried: ${words}`
}

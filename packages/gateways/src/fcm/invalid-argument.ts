/**
 * INVALID_ARGUMENT: is it the token or the payload? A wrong answer either ends a living device's address or lets a
 * dead one be sent to for ever, so the first of these that knows decides, and in doubt the token is kept:
 *
 * 1. ApnsError: its reason names the token, or else the payload or the set-up.
 * 2. BadRequest: the field that it names.
 * 3. The words of FCM's own error: "registration token".
 * 4. What others got for the same payload: taken for another token within the last minute → the token; refused for
 *    every token so far → the payload.
 * 5. A trial of a small payload that is known to be good, which delivers nothing: refused again → the token, taken →
 *    the payload.
 * 6. Undecided: the token is doubted and kept.
 *
 * "Known to be good" wants proof: as long as nothing was taken lately, by no token at all, a refused trial may be about
 * the project, and ends nothing. Trials are few, or a faulty campaign would cost as many requests again.
 * Source: Firebase, "ErrorCode" (INVALID_ARGUMENT: check that the payload is valid before deleting a token).
 */
import { ageOf, type Clock } from '../clock.ts'
import type { AttemptOutcome } from '../outcome.ts'
import type { FcmError } from './error.ts'
import type { FcmVerdict } from './outcome.ts'
import { PayloadMemory } from './payload-memory.ts'
import type { FcmTarget } from './target.ts'

export interface InvalidArgumentsOptions {
  readonly clock: Clock
  /** Sends the small payload to this device with `validate_only`; `undefined` when no answer came. */
  readonly tryOut: (target: FcmTarget) => Promise<FcmVerdict | undefined>
}

type Judgement = 'token' | 'other_app' | 'payload' | 'unclear'

const TOKEN_REASONS = new Set(['Unregistered', 'ExpiredToken', 'BadDeviceToken'])
const TARGET_FIELDS = new Set(['message.token', 'message.fid'])
/** A token of another app is never ended, only doubted: it may be good there. */
const OTHER_APP_REASON = 'DeviceTokenNotForTopic'

const TRIALS_AT_ONCE = 3
const TRIALS_A_MINUTE = 20
const MINUTE_MS = 60_000
const LATELY_MS = 10 * MINUTE_MS

/** For one project; what it remembers is bounded. */
export class InvalidArguments {
  readonly #clock: Clock
  readonly #tryOut: InvalidArgumentsOptions['tryOut']
  readonly #memory: PayloadMemory
  #acceptedAt = Number.NEGATIVE_INFINITY
  #running = 0
  #minuteBeganAt = Number.NEGATIVE_INFINITY
  #trialsInMinute = 0

  constructor({ clock, tryOut }: InvalidArgumentsOptions) {
    this.#clock = clock
    this.#tryOut = tryOut
    this.#memory = new PayloadMemory(clock)
  }

  /** Without its content, where no other device gets the same. */
  noteAccepted(target: FcmTarget, content: string | undefined): void {
    if (!target.isDevice) return
    this.#acceptedAt = this.#clock.now()
    if (content !== undefined) this.#memory.noteAccepted(content, target.value)
  }

  async decide(error: FcmError, target: FcmTarget, content: string): Promise<AttemptOutcome> {
    // Nobody's address stands behind a topic.
    if (!target.isDevice) return { kind: 'message_fault', reason: error.reason }
    const told = judgeBody(error)
    if (told !== 'unclear') return outcomeOf(told, error)
    this.#memory.noteRefused(content, target.value)
    const judgement = this.#memory.judge(content, target.value) ?? (await this.#judgeByTrial(target))
    return outcomeOf(judgement, error)
  }

  async #judgeByTrial(target: FcmTarget): Promise<Judgement> {
    if (!this.#mayTry()) return 'unclear'
    this.#running += 1
    try {
      const verdict = await this.#tryOut(target)
      if (isTaken(verdict)) return 'payload'
      return isRefused(verdict) && this.#hasAcceptedLately() ? 'token' : 'unclear'
    } finally {
      this.#running -= 1
    }
  }

  #mayTry(): boolean {
    const now = this.#clock.now()
    if (ageOf(this.#minuteBeganAt, now) >= MINUTE_MS) {
      this.#minuteBeganAt = now
      this.#trialsInMinute = 0
    }
    if (this.#running >= TRIALS_AT_ONCE || this.#trialsInMinute >= TRIALS_A_MINUTE) return false
    this.#trialsInMinute += 1
    return true
  }

  #hasAcceptedLately(): boolean {
    return ageOf(this.#acceptedAt, this.#clock.now()) <= LATELY_MS
  }
}

/** Steps 1 to 3. Without any detail it is the general words of a bad request, and those are about the message. */
function judgeBody({ apnsReason, badFields, fcmCode, message }: FcmError): Judgement {
  if (apnsReason === OTHER_APP_REASON) return 'other_app'
  if (apnsReason !== undefined) return TOKEN_REASONS.has(apnsReason) ? 'token' : 'payload'
  if (badFields !== undefined) return badFields.some(field => TARGET_FIELDS.has(field)) ? 'token' : 'payload'
  if (fcmCode === undefined) return 'payload'
  return message.includes('registration token') ? 'token' : 'unclear'
}

function isTaken(verdict: FcmVerdict | undefined): boolean {
  return verdict?.kind === 'outcome' && verdict.outcome.kind === 'accepted'
}

/** Not so for a field of the trial itself that FCM does not like any more, or for Apple's set-up. */
function isRefused(verdict: FcmVerdict | undefined): boolean {
  if (verdict?.kind !== 'invalid_argument') return false
  const judgement = judgeBody(verdict.error)
  return judgement === 'token' || judgement === 'unclear'
}

function outcomeOf(judgement: Judgement, { reason }: FcmError): AttemptOutcome {
  switch (judgement) {
    case 'token':
      return { kind: 'address_dead', reason, since: undefined }
    case 'other_app':
      return { kind: 'address_mismatch', reason }
    case 'payload':
      return { kind: 'message_fault', reason }
    case 'unclear':
      return { kind: 'address_mismatch', reason: `undecided, token or payload: ${reason}` }
  }
}

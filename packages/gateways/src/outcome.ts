/**
 * What one attempt at a gateway came to. A refusal is a value and not an exception, so that the compiler
 * makes every caller look at it. "Accepted" is not "delivered": only a receipt from the device says that.
 */
export type AttemptOutcome =
  | { readonly kind: 'accepted'; readonly gatewayMessageId: string | undefined }
  /** The gateway says that the address is gone; `since` is its own time for that (APNs only). */
  | { readonly kind: 'address_dead'; readonly reason: string; readonly since: Date | undefined }
  /** Wrong environment, topic or sender: the address may well be alive somewhere else. */
  | { readonly kind: 'address_mismatch'; readonly reason: string }
  /** This message can't be sent as it is; the address is fine. */
  | { readonly kind: 'message_fault'; readonly reason: string }
  /**
   * Our key, certificate or account is refused; says nothing about the address. `part` names the only part of the
   * credential's work that it stops: the origin of a push service (Web Push), an APNs environment, or `apple`, `web` or
   * `apple or web` behind FCM. Without it everything that the credential serves is stopped.
   */
  | { readonly kind: 'credential_fault'; readonly reason: string; readonly part?: string | undefined }
  /** Try again, not before `afterMs` from now when given. `scope` is what must wait. */
  | {
      readonly kind: 'retry'
      readonly reason: string
      readonly scope: 'device' | 'credential' | 'origin'
      readonly afterMs: number | undefined
    }
  /** The request never reached the gateway's application: safe to repeat at once. */
  | { readonly kind: 'not_sent'; readonly reason: string }
  /** The request went out and no answer came: a repeat may arrive twice. `showsTwice`: and both would be seen, whatever collapse key there is. */
  | { readonly kind: 'uncertain'; readonly reason: string; readonly showsTwice?: true }

/**
 * What only Web Push knows of a notification.
 * Source: RFC 8030 §5.
 */
export interface WebPushOptions {
  /** Default: `high` and `normal` by the notification's priority. */
  readonly urgency?: 'very-low' | 'low' | 'normal' | 'high' | undefined
  /** At most 32 characters of the base64url alphabet. Default: from the collapse key. */
  readonly topic?: string | undefined
  /** Keys of the JSON that the service worker gets, over what the common part gives. */
  readonly payload?: Readonly<Record<string, unknown>> | undefined
}

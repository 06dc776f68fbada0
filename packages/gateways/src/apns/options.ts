/**
 * What only APNs knows of a notification.
 * Source: Apple, "Generating a remote notification", "Sending notification requests to APNs", and "Starting and
 * updating Live Activities with ActivityKit push notifications".
 */

/** Values of `apns-push-type`. */
export const APNS_PUSH_TYPES = [
  'alert',
  'background',
  'voip',
  'complication',
  'fileprovider',
  'mdm',
  'location',
  'liveactivity',
  'pushtotalk',
  'widgets',
  'controls',
] as const
export type ApnsPushType = (typeof APNS_PUSH_TYPES)[number]

export interface ApnsOptions {
  /** Default: `alert` when there is something to show, badge or sound, else `background`. */
  readonly pushType?: ApnsPushType | undefined
  /** Default by type and by the notification's priority. */
  readonly priority?: 1 | 5 | 10 | undefined
  /**
   * Keys of `aps` in Apple's spelling (`thread-id`, `interruption-level`, `event`, `content-state`, …), over what the
   * common part gives.
   */
  readonly aps?: Readonly<Record<string, unknown>> | undefined
  /** Keys beside `aps`, over what the common part gives. */
  readonly payload?: Readonly<Record<string, unknown>> | undefined
}

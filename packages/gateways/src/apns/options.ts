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

export type ApnsPriority = 1 | 5 | 10

export interface ApnsOptions {
  /**
   * Default: `alert` when there is something to show, badge or sound, else `background`. Of the common part a type takes
   * what it can show: a `background` push carries none of it, a `liveactivity` title, body and sound as its alert.
   */
  readonly pushType?: ApnsPushType | undefined
  /** Default by type and by the notification's priority. */
  readonly priority?: ApnsPriority | undefined
  /**
   * Keys of `aps` in Apple's spelling (`thread-id`, `interruption-level`, `event`, `content-state`, …), each over what
   * the common part gives; `null` takes that away.
   */
  readonly aps?: Readonly<Record<string, unknown>> | undefined
  /** Keys beside `aps`, over what the common part gives; `null` takes that away. */
  readonly payload?: Readonly<Record<string, unknown>> | undefined
}

/**
 * What only FCM knows of a notification: parts of its message, in Google's spelling, merged over what the common part
 * gives (an object into an object, anything else in its place).
 * Source: Firebase, "REST Resource: projects.messages".
 */
export interface FcmOptions {
  /** Values are strings; null takes away what the common part gives. */
  readonly data?: Readonly<Record<string, string | null>> | undefined
  readonly notification?: Readonly<Record<string, unknown>> | undefined
  readonly android?: Readonly<Record<string, unknown>> | undefined
  readonly apns?: Readonly<Record<string, unknown>> | undefined
  readonly webpush?: Readonly<Record<string, unknown>> | undefined
  readonly fcmOptions?: { readonly analytics_label?: string } | undefined
}

/**
 * What only Huawei Push Kit knows of a notification: parts of its message, in Huawei's spelling, merged over what the
 * common part gives.
 * Source: Huawei, "Push Kit: REST APIs, Downlink Message".
 */
export interface HmsOptions {
  /** `collapse_key`, `urgency`, `category`, `ttl`, `bi_tag`, `receipt_id`, `notification`. */
  readonly android?: Readonly<Record<string, unknown>> | undefined
}

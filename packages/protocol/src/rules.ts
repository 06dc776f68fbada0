/** Rules: how fast a message goes out, and what is asked of each of its deliveries. */
import { z } from 'zod'

/** More than one machine sends; a message without a rate goes as fast as the gateways take it. */
const SEND_RATE_MAX = 100_000

/** Deliveries a second, over all servers and gateways together. */
export const sendRateSchema = z.int().min(1).max(SEND_RATE_MAX)

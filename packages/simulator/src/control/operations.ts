/** All that the simulator does on demand. */
import type { Operation } from './operation.ts'
import { APNS } from './operations/apns.ts'
import { FAULTS } from './operations/faults.ts'
import { GOOGLE } from './operations/google.ts'
import { HUAWEI } from './operations/huawei.ts'
import { LIFE } from './operations/life.ts'
import { PHONES } from './operations/phones.ts'
import { READINGS } from './operations/readings.ts'
import { WEB_PUSH } from './operations/web-push.ts'

export const OPERATIONS: readonly Operation[] = [
  ...READINGS,
  ...APNS,
  ...GOOGLE,
  ...HUAWEI,
  ...WEB_PUSH,
  ...FAULTS,
  ...PHONES,
  ...LIFE,
]

/**
 * All rules, in the order in which is asked: has it been sent, was the device meant, has it an address, did a rule hold it back, was the
 * message legal, what did the gateway say, and what became of it then. Of two findings that weigh the same the first one is told first.
 */
import type { Rule } from './rule.ts'
import { ARRIVAL_RULES, DISPLAYED_RULES } from './rules/afterwards.ts'
import { AUDIENCE_RULES } from './rules/audience.ts'
import { CONTENT_RULES, IMAGE_RULES } from './rules/content.ts'
import { COURSE_RULES } from './rules/course.ts'
import { CREDENTIAL_RULES } from './rules/gateway.ts'
import { DISPLAY_RULES, PERMISSION_RULES, POWER_RULES } from './rules/permission.ts'
import { POLICY_RULES } from './rules/policy.ts'
import { REGISTRATION_RULES } from './rules/registration.ts'

export const RULES: readonly Rule[] = [
  ...COURSE_RULES,
  ...AUDIENCE_RULES,
  ...REGISTRATION_RULES,
  ...PERMISSION_RULES,
  ...POLICY_RULES,
  ...CONTENT_RULES,
  ...CREDENTIAL_RULES,
  ...DISPLAY_RULES,
  ...DISPLAYED_RULES,
  ...IMAGE_RULES,
  ...POWER_RULES,
  ...ARRIVAL_RULES,
]

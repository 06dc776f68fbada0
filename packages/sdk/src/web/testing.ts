/**
 * What test devices need and visitors don't: following an invitation, and looking for what keeps pushes away. A file of its own
 * (`roost-testing.js`) that is loaded when it is called for, so that no page view of anybody else pays for it.
 *
 * It shares no code with the page's file and is told everything, so neither depends on how the other was bundled.
 */
export { whileInvited } from './invitation.ts'
export { selfCheck } from './self-check.ts'

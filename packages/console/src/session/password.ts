/** As `PASSWORD_CHARACTERS_MIN` of the protocol, which a test holds it to: the protocol itself would bring all of zod along. */
export const PASSWORD_CHARACTERS = 12

/**
 * What operators upload as a gateway's credential: one file for each kind in `credentials/`. Key material never appears
 * in a message.
 */
export type { ApnsCertificate } from './credentials/certificate.ts'
export { parsePemCertificate } from './credentials/certificate.ts'
export { parseP8 } from './credentials/p8.ts'
export { parseP12 } from './credentials/p12.ts'
export type { CredentialProblem, Parsed } from './credentials/problem.ts'
export { fault, mustParse } from './credentials/problem.ts'
export type { ServiceAccount } from './credentials/service-account.ts'
export { parseServiceAccount } from './credentials/service-account.ts'
export type { ApnsTopic } from './credentials/x509.ts'

/**
 * The Firebase projects: their two names, whether the messaging API is switched on in them, and whether the keys that
 * they hold for Apple and for browsers are good.
 *
 * Source: Firebase, REST reference of projects.messages (the project number is taken in place of the id) and
 * ErrorCode (THIRD_PARTY_AUTH_ERROR).
 */
import { type Random, randomHex } from '../randomness.ts'
import type { FcmPlatform } from './message.ts'
import type { FcmRefusal } from './refusals.ts'

export interface FcmProject {
  readonly projectId: string
  readonly projectNumber: string
}

export interface ThirdPartyAuthOptions {
  readonly projectId: string
  /** Whose part of the project: Apple's key or the one for browsers. */
  readonly platform: Exclude<FcmPlatform, 'android'>
}

interface Project extends FcmProject {
  isServiceEnabled: boolean
  readonly badAuth: Map<FcmPlatform, FcmRefusal>
}

export class Projects {
  readonly #random: Random
  /** By id and by number. */
  readonly #projects = new Map<string, Project>()

  constructor(random: Random) {
    this.#random = random
  }

  create(): FcmProject {
    const projectId = `simulated-${randomHex(this.#random, 6)}`
    const projectNumber = String(100_000_000_000 + Math.floor(this.#random() * 900_000_000_000))
    const project = { projectId, projectNumber, isServiceEnabled: true, badAuth: new Map() }
    this.#projects.set(projectId, project)
    this.#projects.set(projectNumber, project)
    return { projectId, projectNumber }
  }

  /** The id of a project that a path calls by its id or number; a project that is unknown here keeps its name. */
  idOf(name: string): string {
    return this.#projects.get(name)?.projectId ?? name
  }

  setService(projectId: string, isEnabled: boolean): void {
    this.#known(projectId).isServiceEnabled = isEnabled
  }

  checkService(projectId: string): FcmRefusal | undefined {
    const isDisabled = this.#projects.get(projectId)?.isServiceEnabled === false
    return isDisabled ? { form: 'service_disabled', projectId } : undefined
  }

  failThirdPartyAuth({ projectId, platform }: ThirdPartyAuthOptions, apnsReason: string | undefined): void {
    const form = platform === 'web' ? 'web_push_auth' : 'third_party_auth'
    const refusal: FcmRefusal = apnsReason === undefined ? { form } : { form, apnsReason }
    this.#known(projectId).badAuth.set(platform, refusal)
  }

  mendThirdPartyAuth({ projectId, platform }: ThirdPartyAuthOptions): void {
    this.#known(projectId).badAuth.delete(platform)
  }

  checkThirdPartyAuth(projectId: string, platform: FcmPlatform): FcmRefusal | undefined {
    return this.#projects.get(projectId)?.badAuth.get(platform)
  }

  #known(projectId: string): Project {
    const project = this.#projects.get(projectId)
    if (project === undefined) throw new Error(`no project ${projectId} was created here`)
    return project
  }
}

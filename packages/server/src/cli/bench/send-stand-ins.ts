/**
 * The stand-ins of `roost bench send`, in a process of their own: they issue the push tokens of the base, take what is
 * sent, and tell when the first push came and when a single phone got its own.
 */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Simulator, startSimulator } from '@roost/simulator'
import { Database } from '../../store/database.ts'
import { fillSendBase } from './send-base.ts'

export type StandInOrder =
  | { readonly do: 'start'; readonly folder: string }
  | {
      readonly do: 'fill'
      readonly databaseUrl: string
      readonly appId: number
      readonly devices: number
      readonly deadPercent: number
      /** Default: half of them Apple's. */
      readonly isAllApple?: boolean
    }
  /** Tells when the first push of a message is there; at once when it was there before. */
  | { readonly do: 'first'; readonly hash: string }
  /** Says that it listens, and tells when this phone gets a push with that text in it. */
  | { readonly do: 'phone'; readonly token: string; readonly text: string }
  | { readonly do: 'count' }

export interface StandInSettings {
  /** Points a server at them. */
  readonly environment: Readonly<Record<string, string>>
  readonly caFile: string
  readonly apns: {
    readonly keyId: string
    readonly teamId: string
    readonly bundleId: string
    readonly p8: string
  }
  readonly fcm: { readonly projectId: string; readonly serviceAccount: object }
}

export interface StandInCounts {
  readonly accepted: number
  readonly refused: number
}

export type StandInReport =
  | { readonly progress: number }
  | { readonly settings: StandInSettings }
  | { readonly filled: number }
  | { readonly listensFor: string }
  /** ms since the epoch. */
  | { readonly arrivedAt: number; readonly text?: string }
  | { readonly counts: StandInCounts }
  | { readonly fault: string }

/** Google raises a project's quota on request; here it would measure the quota. */
const FCM_MESSAGES_PER_MINUTE = 100_000_000
const BUNDLE_ID = 'com.example.bench'

const standIns: Promise<Simulator> = startSimulator()
let projectId = ''

async function obey(order: StandInOrder, tell: (report: StandInReport) => void): Promise<void> {
  const simulator = await standIns
  switch (order.do) {
    case 'start':
      return tell({ settings: await settingsOf(simulator, order.folder) })
    case 'fill':
      return fill(simulator, order, tell)
    case 'first':
      await simulator.waitForPush({ hash: order.hash })
      return tell({ arrivedAt: Date.now() })
    case 'phone':
      simulator.listen(order.token, ({ payload }) => {
        if (JSON.stringify(payload).includes(order.text)) tell({ arrivedAt: Date.now(), text: order.text })
      })
      return tell({ listensFor: order.text })
    case 'count':
      return tell({ counts: countsOf(simulator) })
  }
}

async function settingsOf(simulator: Simulator, folder: string): Promise<StandInSettings> {
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, `${simulator.caPem.trimEnd()}\n`)
  const project = await simulator.fcm.createProject()
  simulator.fcm.limitMessages({ projectId: project.projectId, perMinute: FCM_MESSAGES_PER_MINUTE })
  projectId = project.projectId
  return {
    environment: {
      ...simulator.environment(),
      ROOST_EXTRA_CA: caFile,
      ROOST_FCM_MESSAGES_PER_MINUTE: String(FCM_MESSAGES_PER_MINUTE),
    },
    caFile,
    apns: simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }),
    fcm: { projectId, serviceAccount: project.serviceAccount },
  }
}

async function fill(
  simulator: Simulator,
  order: Extract<StandInOrder, { do: 'fill' }>,
  tell: (report: StandInReport) => void,
): Promise<void> {
  const db = new Database({ url: order.databaseUrl, maxConnections: 1 })
  try {
    const base = { ...order, db, simulator, projectId, bundleId: BUNDLE_ID }
    await fillSendBase(base, progress => tell({ progress }))
    tell({ filled: order.devices })
  } finally {
    await db.close()
  }
}

function countsOf(simulator: Simulator): StandInCounts {
  const { apns, fcm } = simulator.counts()
  const refusals = [apns, fcm].flatMap(it => Object.values(it.refused))
  return {
    accepted: apns.accepted + fcm.accepted,
    refused: refusals.reduce((total, it) => total + it, 0),
  }
}

process.on('message', (order: StandInOrder) => {
  const tell = (report: StandInReport) => void process.send?.(report)
  obey(order, tell).catch((error: Error) => tell({ fault: error.message }))
})
process.on('disconnect', () => process.exit())

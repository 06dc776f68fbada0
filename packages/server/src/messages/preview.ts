/**
 * Content as it would look, while somebody writes it: in each language of each gateway, and for some devices, with what takes the room of its payload. It is
 * asked with every pause of typing, so it counts nobody; dry-run.ts says whom a message would reach.
 */
import { findNotificationFault, GATEWAYS, type Notification, payloadBytesOf } from '@roost/gateways'
import {
  type Content,
  type NewPreview,
  type PayloadSize,
  type Preview,
  type Provider,
  type Shown,
  TTL_SECONDS_DEFAULT,
} from '@roost/protocol'
import { withSegmentId } from '../audience/segments.ts'
import { chooseBuckets } from '../insight/overview/sample.ts'
import type { Queryable } from '../store/database.ts'
import { gatewaysOf } from './create.ts'
import { audienceSql } from './dry-run.ts'
import { factsColumn, type RecipientFacts } from './facts.ts'
import { IMAGES_MAX, type ImageProber, imagesOf, remarkOf } from './images.ts'
import { languagesOf, type Rendered, Renderer, type Rendering } from './render.ts'
import { findContentFault } from './sizes.ts'
import { TemplateFault } from './template.ts'

export interface PreviewQuery {
  readonly appId: number
  readonly asked: NewPreview
  readonly images: ImageProber
  /** ms */
  readonly at: number
}

/** It is in no receipt, and as long as a real one. */
const NO_MESSAGE = '00000000-0000-7000-8000-000000000000'
/** Of each gateway, unless they are named. */
const SAMPLED_DEVICES = 3
/** Some of these are looked for among so many. */
const LOOKED_AMONG = 10_000

/** Throws `condition_invalid`, `segment_unknown`. What is wrong with the content is told, not thrown. */
export async function preview(db: Queryable, query: PreviewQuery): Promise<Preview> {
  const { appId, asked } = query
  const rendering = renderingOf(asked.content)
  const gateways = await gatewaysOf(db, appId)
  const images = await Promise.all(
    imagesOf(asked.content)
      .slice(0, IMAGES_MAX)
      .map(async url => ({ url, ...(await query.images.probe(url)) })),
  )
  const fault = findContentFault(rendering, gateways)
  const devices: Preview['devices'] = []
  for (const gateway of GATEWAYS) devices.push(...(await lookWithDevices(db, query, { gateway, rendering })))
  const seen = new Set(devices.map(it => it.hwid))
  return {
    gateways: GATEWAYS.flatMap(it => atGateway(rendering, it, gateways.includes(it))),
    devices,
    images: images.map(({ url, ...probed }) => ({
      url,
      fault: probed.fault ?? null,
      warning: probed.warning ?? null,
      remark: remarkOf({ ...probed, image: url, place: null }) ?? null,
    })),
    problems:
      fault === undefined ? [] : [{ code: fault.code, detail: fault.message, remarks: [...fault.remarks] }],
    unreachable: (asked.devices ?? []).filter(it => !seen.has(it)),
  }
}

function renderingOf(content: Content): Rendering {
  return {
    messageId: NO_MESSAGE,
    content,
    ttlSeconds: TTL_SECONDS_DEFAULT,
    priority: 'high',
    collapseKey: null,
  }
}

/** A template that can't be read is among the problems. */
function rendererAt(rendering: Rendering, gateway: Provider): Renderer | undefined {
  try {
    return new Renderer(rendering, { gateway, counts: { shared: 0, personal: 0 } })
  } catch (error) {
    if (error instanceof TemplateFault) return undefined
    throw error
  }
}

function atGateway(rendering: Rendering, gateway: Provider, hasCredential: boolean): Preview['gateways'] {
  const renderer = rendererAt(rendering, gateway)
  if (renderer === undefined) return []
  return languagesOf(rendering.content, gateway).map(language => {
    const rendered = renderer.constantFor(language)
    return {
      gateway,
      language: language === '' ? null : language,
      hasCredential,
      isPersonal: rendered === undefined,
      ...(rendered === undefined ? { shown: null, size: null, reason: null } : lookOf(rendered, gateway)),
    }
  })
}

interface Look {
  readonly shown: Shown | null
  readonly size: PayloadSize | null
  readonly reason: string | null
}

function lookOf(rendered: Rendered, gateway: Provider): Look {
  if (rendered.kind !== 'notification') return { shown: null, size: null, reason: rendered.reason }
  const { notification } = rendered
  return {
    shown: shownOf(notification),
    size: sizeOf(notification, gateway),
    reason: findNotificationFault(gateway, notification) ?? null,
  }
}

function shownOf(notification: Notification): Shown {
  const { title, subtitle, body, imageUrl, iconUrl, url, sound, badge, buttons = [] } = notification
  return {
    title: title ?? null,
    subtitle: subtitle ?? null,
    body: body ?? null,
    image: imageUrl ?? null,
    icon: iconUrl ?? null,
    url: url ?? null,
    sound: sound ?? null,
    badge: badge ?? null,
    buttons: buttons.map(it => ({ title: it.title, url: it.url ?? null })),
  }
}

/** As content names them. */
const PARTS: Readonly<Record<string, keyof Notification>> = {
  title: 'title',
  subtitle: 'subtitle',
  body: 'body',
  image: 'imageUrl',
  icon: 'iconUrl',
  url: 'url',
  sound: 'sound',
  data: 'data',
  root: 'root',
  buttons: 'buttons',
  category: 'category',
  channel: 'channel',
  apns: 'apns',
  fcm: 'fcm',
  webPush: 'webPush',
  hms: 'hms',
}

/** Each part is measured by leaving it out: payloads differ too much between gateways to add them up. */
function sizeOf(notification: Notification, gateway: Provider): PayloadSize | null {
  // A payload that was made for all of a likeness would have all parts.
  const own: Notification = { ...notification, likeness: undefined }
  const whole = payloadBytesOf(gateway, own)
  if (whole === undefined) return null
  const parts = Object.entries(PARTS).flatMap(([field, name]) => {
    if (own[name] === undefined) return []
    const without = payloadBytesOf(gateway, { ...own, [name]: undefined })
    const bytes = without === undefined ? 0 : whole.bytes - without.bytes
    return bytes > 0 ? [{ field, bytes }] : []
  })
  return { ...whole, parts: parts.toSorted((a, b) => b.bytes - a.bytes) }
}

// ── for some devices ──────────────────────────────────────────────────────────────────────────────────────────────────

async function lookWithDevices(
  db: Queryable,
  { appId, asked, at }: PreviewQuery,
  { gateway, rendering }: { readonly gateway: Provider; readonly rendering: Rendering },
): Promise<Preview['devices']> {
  const renderer = rendererAt(rendering, gateway)
  if (renderer === undefined) return []
  const named = asked.devices
  const to =
    named === undefined
      ? await withSegmentId(db, { appId, to: asked.to ?? ({ all: true } as const) })
      : { devices: named }
  if ('devices' in to && to.devices.length === 0) return []
  const values: unknown[] = [appId]
  const audience = await audienceSql(db, { appId, to, at }, values)
  const facts = factsColumn(renderer.needs, values)
  const isNamed = 'devices' in to || 'users' in to
  const near = isNamed
    ? ''
    : `where d.bucket = any($${values.push(await chooseBuckets(db, { appId, devices: LOOKED_AMONG }))}::smallint[])`
  const { rows } = await db.query<{ hwid: string; facts: RecipientFacts | null }>(
    `select a.hwid, ${facts} as facts
       from ${audience}
       join address a on a.bucket = d.bucket and a.app_id = d.app_id and a.hwid = d.hwid and a.kind = 'alert'
                     and a.state in ('active', 'suspect') and not a.opted_out and a.provider = $${values.push(gateway)}
      ${near} limit $${values.push(named?.length ?? SAMPLED_DEVICES)}`,
    values,
  )
  return rows.map(({ hwid, facts: of }) => ({
    hwid,
    gateway,
    ...lookOf(renderer.notificationFor({ facts: of }), gateway),
  }))
}

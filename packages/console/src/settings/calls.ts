/** What the pages of members, tokens, changes and settings ask the server for. */
import type {
  ApiTokenView,
  AppRules,
  AppRulesChange,
  AuditEntry,
  MemberInvitationView,
  MemberView,
  PersonRole,
  Right,
} from '@roost/protocol'
import { type UseMutationResult, type UseQueryResult, useQuery } from '@tanstack/react-query'
import { path, query, type Reading } from '../api/client.ts'
import { useAnswer, useApi, useChange } from '../api/use-api.ts'
import { type Pages, usePages } from '../api/use-pages.ts'
import type { Place } from './place.tsx'

const AUDIT_PAGE = 50

export function useMembers(place: Place): UseQueryResult<readonly MemberView[]> {
  return useAnswer<{ readonly members: readonly MemberView[] }, readonly MemberView[]>({
    key: [place.key, 'members'],
    path: `${place.path}/members`,
    select: ({ members }) => members,
  })
}

export interface NewRole {
  readonly id: number
  readonly role: PersonRole
}

export function useChangeRole(place: Place): UseMutationResult<unknown, Error, NewRole> {
  return useChange<NewRole>({
    call: (api, { id, role }) => api.put(`${place.path}/members/${id}`, { role }),
    touches: [[place.key, 'members'], ['me']],
  })
}

export function useRemoveMember(place: Place): UseMutationResult<unknown, Error, number> {
  return useChange<number>({
    call: (api, id) => api.delete(`${place.path}/members/${id}`),
    touches: [[place.key, 'members'], ['me']],
  })
}

export function useInvitations(place: Place): UseQueryResult<readonly MemberInvitationView[]> {
  return useAnswer<
    { readonly invitations: readonly MemberInvitationView[] },
    readonly MemberInvitationView[]
  >({
    key: [place.key, 'memberInvitations'],
    path: `${place.path}/member-invitations`,
    select: ({ invitations }) => invitations,
  })
}

export interface NewInvitation {
  readonly role: PersonRole
  readonly note?: string
}

export interface MadeInvitation extends MemberInvitationView {
  readonly code: string
}

export function useInvite(place: Place): UseMutationResult<MadeInvitation, Error, NewInvitation> {
  return useChange<NewInvitation, MadeInvitation>({
    call: (api, wanted) => api.post(`${place.path}/member-invitations`, wanted),
    touches: [[place.key, 'memberInvitations']],
  })
}

export function useWithdraw(place: Place): UseMutationResult<unknown, Error, string> {
  return useChange<string>({
    call: (api, id) => api.delete(`${place.path}/member-invitations/${id}`),
    touches: [[place.key, 'memberInvitations']],
  })
}

export function useTokens(place: Place, isAsked = true): UseQueryResult<readonly ApiTokenView[]> {
  return useAnswer<{ readonly tokens: readonly ApiTokenView[] }, readonly ApiTokenView[]>({
    key: [place.key, 'tokens'],
    path: `${place.path}/tokens`,
    select: ({ tokens }) => tokens,
    enabled: isAsked,
  })
}

export interface NewToken {
  readonly kind: 'server' | 'device'
  readonly name: string
  /** Everything without. */
  readonly scopes?: readonly Right[]
}

export interface MadeToken extends ApiTokenView {
  readonly token: string
}

export function useMakeToken(place: Place): UseMutationResult<MadeToken, Error, NewToken> {
  return useChange<NewToken, MadeToken>({
    call: (api, wanted) => api.post(`${place.path}/tokens`, wanted),
    touches: [[place.key, 'tokens']],
  })
}

export function useRevoke(place: Place): UseMutationResult<unknown, Error, number> {
  return useChange<number>({
    call: (api, id) => api.delete(`${place.path}/tokens/${id}`),
    touches: [[place.key, 'tokens']],
  })
}

export interface AuditSearch {
  readonly person?: string | undefined
  readonly token?: string | undefined
  /** A part of the call, as "/rules". */
  readonly what?: string | undefined
  /** ISO 8601. */
  readonly from?: string | undefined
  readonly to?: string | undefined
}

export function useAudit(place: Place, search: AuditSearch): Pages<AuditEntry> {
  return usePages<{ readonly entries: readonly AuditEntry[]; readonly next: string | null }, AuditEntry>({
    key: [place.key, 'audit', search],
    pathAfter: after => `${place.path}/audit${query({ limit: AUDIT_PAGE, after, ...search })}`,
    rowsOf: ({ entries }) => entries,
  })
}

/** All that fits as CSV, however much. */
export function useAuditFile(place: Place): UseMutationResult<Blob, Error, AuditSearch> {
  return useChange<AuditSearch, Blob>({
    call: async (api, search) =>
      (await api.open(`${place.path}/audit-export${query({ ...search, format: 'spreadsheet' })}`)).blob(),
    touches: [],
  })
}

export interface AppSettings {
  readonly code: string
  readonly name: string
  readonly createdAt: string
  readonly needsPermission: boolean
  readonly timeZone: string
  /** Null: it serves. */
  readonly archivedAt: string | null
}

export type AppPatch = Partial<Pick<AppSettings, 'name' | 'needsPermission' | 'timeZone'>>

export function useAppSettings(app: string): UseQueryResult<AppSettings> {
  return useAnswer<AppSettings>({ key: [app, 'settings'], path: path`v1/apps/${app}` })
}

export function useChangeApp(app: string): UseMutationResult<AppSettings, Error, AppPatch> {
  return useChange<AppPatch, AppSettings>({
    call: (api, patch) => api.patch(path`v1/apps/${app}`, patch),
    touches: [['apps'], [app]],
  })
}

export function useArchive(app: string): UseMutationResult<AppSettings, Error, 'archive' | 'unarchive'> {
  return useChange<'archive' | 'unarchive', AppSettings>({
    call: (api, verb) => api.post(`${path`v1/apps/${app}`}/${verb}`),
    touches: [['apps'], [app]],
  })
}

/** By its name, which the server compares once more. */
export function useDeleteApp(app: string): UseMutationResult<unknown, Error, string> {
  return useChange<string>({
    call: (api, name) => api.delete(path`v1/apps/${app}` + query({ name })),
    touches: [['apps'], ['me']],
  })
}

/** With the ETag that a change goes out from. */
export function useRulesReading(app: string): UseQueryResult<Reading<AppRules>> {
  const api = useApi()
  return useQuery({
    queryKey: [app, 'rulesReading'],
    queryFn: ({ signal }) => api.read<AppRules>(path`v1/apps/${app}/rules`, { signal }),
  })
}

export interface RulesChange {
  readonly patch: AppRulesChange
  readonly ifMatch: string | undefined
}

export function useChangeRules(app: string): UseMutationResult<AppRules, Error, RulesChange> {
  return useChange<RulesChange, AppRules>({
    call: (api, { patch, ifMatch }) => api.patch(path`v1/apps/${app}/rules`, patch, { ifMatch }),
    touches: [
      [app, 'rules'],
      [app, 'rulesReading'],
    ],
  })
}

/** An HTTP/2 engine made for push: frames, HPACK, client and server. */
export { ClientConnection, type ConnectionEvents, type ConnectionSettings } from './client/connection.ts'
export { ConnectionPool, type PoolCounts, type PoolOptions, type Wish } from './client/pool.ts'
export type { RequestObserver, RequestResult } from './client/result.ts'
export { type Field, HeaderTemplate, type TemplateOptions } from './client/template.ts'
export { ConnectionError, ERROR, errorName } from './protocol.ts'
export type { GoAway, ServerConnection, ServerSettings } from './server/connection.ts'
export type { HeaderList, ServerRequest } from './server/request.ts'
export { type Http2Server, type ServerOptions, type ServerTls, startServer } from './server/server.ts'

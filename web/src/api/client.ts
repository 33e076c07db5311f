import createClient from 'openapi-fetch'
import type { paths } from './schema'

/** The generated client. Same origin, and the session is a cookie that scripts cannot read. */
export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? 'http://localhost',
  credentials: 'same-origin',
  // Looked up at each call: in development the mock takes its place after this module is loaded.
  fetch: (request) => globalThis.fetch(request),
})

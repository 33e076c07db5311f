/*
 * Keeps the shell of the client, so that it opens at once and says by itself that the server is away. Presence is
 * never kept: what the API says passes through untouched.
 */
const CACHE = 'shell-1'
const SHELL = ['/', '/manifest.webmanifest', '/icon.svg', '/icon-192.png']

self.addEventListener('install', (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL))
      .then(() => self.skipWaiting()),
  )
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((n) => n !== CACHE).map((n) => caches.delete(n))))
      .then(() => self.clients.claim()),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin || url.pathname.startsWith('/api/')) return
  if (request.mode === 'navigate') event.respondWith(page(event))
  else if (url.pathname.startsWith('/assets/')) event.respondWith(asset(request))
  else if (SHELL.includes(url.pathname)) event.respondWith(fetch(request).catch(() => caches.match(request)))
})

/** A page comes from the server, which may have a newer client; without one, from the last visit. */
async function page(event) {
  const cache = await caches.open(CACHE)
  try {
    const answer = await fetch(event.request)
    if (answer.ok && (answer.headers.get('Content-Type') ?? '').startsWith('text/html')) {
      const copy = answer.clone()
      event.waitUntil(cache.put('/', copy).then(() => tidy(cache)))
    }
    return answer
  } catch {
    return (await cache.match('/')) ?? Response.error()
  }
}

/** The names of assets hold a hash of what is in them: what is kept is right for ever. */
async function asset(request) {
  const cache = await caches.open(CACHE)
  const kept = await cache.match(request)
  if (kept) return kept
  const answer = await fetch(request)
  if (answer.ok) await cache.put(request, answer.clone())
  return answer
}

/** Assets of former versions go; a client has far fewer than this. */
const MOST_ASSETS = 200

async function tidy(cache) {
  const assets = (await cache.keys()).filter((r) => new URL(r.url).pathname.startsWith('/assets/'))
  for (const old of assets.slice(0, Math.max(0, assets.length - MOST_ASSETS))) await cache.delete(old)
}
